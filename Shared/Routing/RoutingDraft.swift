import Contracts
import Inference

/// A human request before it has a plan: its texts, and what the router finds in them.
public struct RoutingDraft: Sendable {
    /// A part of a text that gets an answer.
    private struct Found {
        let source: Int
        /// Offsets of the source's UTF-8.
        let range: Range<Int>
        let item: Item
        let prediction: Prediction
        /// The parts of which it consists; none if it is a whole text.
        var parts: [ReadItem] = []
        /// Whether the full model is to say how the item is cut.
        var isUncut = false
    }

    /// The routes that the items may take.
    public let catalog: Catalog
    /// The request's own text, which may be empty, and then its attachments.
    private let sources: [RequestSource]
    private var found: [Found] = []
    /// Why the router could not read the request.
    public private(set) var fault: InferenceError?

    /// - Parameter request: a human request.
    public init(request: Request, catalog: Catalog) {
        self.catalog = catalog
        sources =
            [RequestSource(name: nil, text: request.text ?? "")]
            + request.attachments.map { RequestSource(name: $0.name, text: $0.text) }
    }

    /// The texts for the router.
    public var texts: [String] { sources.map(\.text) }

    public var itemCount: Int { found.count }

    /// Takes what the router found.
    /// - Parameter readings: one for each text.
    public mutating func record(_ readings: [SourceReading]) {
        found = readings.enumerated().flatMap { items(in: $0, $1) }
        guard found.isEmpty else { return }
        // The answer says that there is nothing to do, so that the request has one.
        let filled = sources.indices.filter { !sources[$0].text.isBlank }
        for source in filled.first == 0 ? [0] : filled {
            if let absence = readings[source].absence { found.append(whole(source, absence)) }
        }
    }

    /// If the router fails, the full model routes each text as a whole.
    public mutating func giveUp(_ error: InferenceError) {
        let unknown = Prediction(label: Answer.noRoute, confidence: 0, isSure: false, inputTokens: 0, flops: 0)
        found = sources.indices.filter { !sources[$0].text.isBlank }.map { whole($0, unknown) }
        fault = error
    }

    /// Says what becomes of each item, source by source.
    /// - Parameter model: the router, which answers name.
    public func items(by model: ModelIdentity) -> [RoutedItem] {
        found.map { found in
            let routing = ItemRouting(found.prediction, of: found.item.text, isUncut: found.isUncut, catalog)
            let isAsked = routing.rest == .fullModel
            return RoutedItem(
                item: isAsked ? inContext(found) : found.item, prediction: found.prediction, routes: routing.routes,
                rest: routing.rest, guess: isAsked ? guess(found, by: model) : nil, parts: found.parts,
                source: found.source, isUncut: found.isUncut)
        }
    }

    /// - Returns: `nil` if the router could not read the item.
    private func guess(_ found: Found, by model: ModelIdentity) -> Answer? {
        guard fault == nil else { return nil }
        return Answer(
            .label(found.prediction.label), confidence: found.prediction.confidence, decidedBy: .worker,
            model: model.description)
    }

    private func inContext(_ found: Found) -> Item {
        let source = sources[found.source], own = sources[0]
        let before = source.context(before: found.range.lowerBound)
        let isNearBeginning = found.source == 0 && before.utf8.count == found.range.lowerBound
        var item = found.item
        item.context = ItemContext(
            before: before, after: source.context(from: found.range.upperBound),
            request: isNearBeginning || own.text.isBlank ? nil : own.context(from: 0))
        return item
    }

    private func whole(_ source: Int, _ prediction: Prediction) -> Found {
        let text = sources[source].text
        return Found(
            source: source, range: 0..<text.utf8.count,
            item: Item(
                text: text, span: Item.Span(0, text.unicodeScalars.count), source: sources[source].name),
            prediction: prediction)
    }

    private func items(in source: Int, _ reading: SourceReading) -> [Found] {
        var ruler = CodePointRuler(sources[source].text)
        return runs(of: reading.items, in: sources[source]).map { run in
            let range = run[run.startIndex].range.lowerBound..<run[run.endIndex - 1].range.upperBound
            return Found(
                source: source, range: range,
                item: Item(
                    text: sources[source].text(in: range), span: ruler.span(range), source: sources[source].name),
                prediction: Self.together(run[run.startIndex].prediction, run.dropFirst().map(\.prediction)),
                parts: Array(run), isUncut: run.contains(where: isDoubtful))
        }
    }

    /// Returns runs of neighbours in one line that the reader is not sure enough of, and each other item by itself.
    private func runs(of items: [ReadItem], in source: RequestSource) -> [ArraySlice<ReadItem>] {
        var runs: [ArraySlice<ReadItem>] = []
        for (index, item) in items.enumerated() {
            if let run = runs.last, let last = run.last, isDoubtful(last), isDoubtful(item),
                !source.hasLineEnd(in: last.range.upperBound..<item.range.lowerBound)
            {
                runs[runs.count - 1] = items[run.startIndex...index]
            } else {
                runs.append(items[index...index])
            }
        }
        return runs
    }

    /// Whether the reader is less sure of where an item is than the catalog wants.
    private func isDoubtful(_ item: ReadItem) -> Bool {
        catalog.decomposition.splitBelow.map { item.certainty < $0 } ?? false
    }

    /// What the router says of items that are sent to the full model as one.
    private static func together(_ first: Prediction, _ others: [Prediction]) -> Prediction {
        others.reduce(into: first) { all, next in
            all.label = Answer.label(of: Route.list(in: all.label) + Route.list(in: next.label))
            all.confidence = min(all.confidence, next.confidence)
            all.certainty = min(all.certainty, next.certainty)
            all.isSure = all.isSure && next.isSure
            all.inputTokens += next.inputTokens
            all.addedRoutes += next.addedRoutes.filter { !all.addedRoutes.contains($0) }
        }
    }
}
