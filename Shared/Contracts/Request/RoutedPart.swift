import JSON

/// A part of an item, and the tasks that a full model routes it to.
///
/// A full model that also cuts answers with JSON between the escalator and the aggregator, which replaces the item by its
/// parts. Stored routing steps and results have labels only.
public struct RoutedPart: Sendable, Equatable {
    /// In the item's text. - Units: Unicode code points
    public var span: Item.Span
    /// Empty if the part fits no task.
    public var routes: [Route]

    public init(span: Item.Span, routes: [Route]) {
        self.span = span
        self.routes = routes
    }
}

extension Answer {
    /// How a routing names routes: each once, joined by commas, or `none`.
    public static func label(of routes: [Route]) -> String {
        var seen: Set<Route> = []
        let names = routes.filter { seen.insert($0).inserted }.map(\.description)
        return names.isEmpty ? noRoute : names.joined(separator: ",")
    }
}

extension RoutedPart {
    /// - Shape: `{"parts":[{"span":[0,12],"routes":["legal-services/clause-type"]}]}`
    public static func encode(_ parts: [RoutedPart]) -> String {
        var writer = JSONWriter()
        writer.object { body in
            body.name("parts")
            body.array(parts) { writer, part in
                writer.object { object in
                    object.name("span")
                    object.array([part.span.start, part.span.end]) { $0.integer($1) }
                    object.name("routes")
                    object.array(part.routes) { $0.string($1.description) }
                }
            }
        }
        return writer.text
    }

    /// - Returns: `nil` unless these are at least two parts in order, without overlaps, within a text of `count` code
    ///   points.
    public static func decode(_ json: String, within count: Int) -> [RoutedPart]? {
        let parts = try? JSONDocument.read(json.utf8) { root in
            try root["parts"]?.map { value -> RoutedPart in
                let span = value["span"]?.map { $0.integer ?? -1 } ?? []
                let routes = value["routes"]?.map { $0.string.flatMap { Route($0) } } ?? [nil]
                guard span.count == 2, !routes.contains(nil) else {
                    throw ContractError(.wrongType, "parts have a span and routes")
                }
                return RoutedPart(span: Item.Span(span[0], span[1]), routes: routes.compactMap(\.self))
            }
        }
        guard let parts = parts ?? nil, parts.count > 1 else { return nil }
        var end = 0
        for part in parts {
            guard end <= part.span.start, part.span.start < part.span.end, part.span.end <= count else { return nil }
            end = part.span.end
        }
        return parts
    }
}

extension Step {
    /// Replaces each item of a routing step that the full model has cut by its parts, each with its own answer.
    ///
    /// An item whose parts do not fit into the step stays whole, and goes to the tasks of all of them.
    public mutating func cutIntoParts() {
        var cut: [(item: Item, answer: Answer?)] = []
        for (index, item) in items.enumerated() {
            let answer = answers.indices.contains(index) ? answers[index] : nil
            guard let answer, case .json(let json) = answer.output else {
                cut.append((item, answer))
                continue
            }
            let scalars = item.text.unicodeScalars
            let parts = RoutedPart.decode(json, within: scalars.count) ?? []
            let rest = items.count - index - 1
            guard !parts.isEmpty, cut.count + parts.count + rest <= Limits.itemsPerStep else {
                cut.append((item, answer.saying(parts.flatMap(\.routes))))
                continue
            }
            cut += parts.map { (item.part($0.span), answer.saying($0.routes)) }
        }
        items = cut.map(\.item)
        answers = cut.map(\.answer)
    }
}

extension Answer {
    fileprivate func saying(_ routes: [Route]) -> Answer {
        var answer = self
        answer.output = .label(Answer.label(of: routes))
        return answer
    }
}

extension Item {
    fileprivate func part(_ span: Span) -> Item {
        let scalars = text.unicodeScalars
        let start = scalars.index(scalars.startIndex, offsetBy: span.start)
        let end = scalars.index(start, offsetBy: span.end - span.start)
        let offset = self.span?.start ?? 0
        return Item(
            text: String(scalars[start..<end]), span: Span(offset + span.start, offset + span.end), source: source)
    }
}
