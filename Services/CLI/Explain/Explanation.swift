import Contracts
import Inference
import JSON
import Languages
import Routing

/// What becomes of each part of a request, for people and for programs.
struct Explanation {
    /// A part of a source, in order. All parts together are the source, without white space between them.
    fileprivate struct Part {
        /// `nil` for the request's own text.
        let source: String?
        let span: Item.Span
        let text: String
        /// `nil` for text that is no item.
        let item: RoutedItem?
        let scores: [RouteScore]
        /// The language of the item's text, if it is recognized.
        let language: String?
        /// The confidence from which on the router is sure of what it says about the item.
        let threshold: Double?
        /// What becomes of the item by its language, for each of its routes.
        let verdicts: [LanguageVerdict]
    }

    private let router: ModelIdentity
    private let tokens: Int
    private let flops: Int64
    private let parts: [Part]

    /// - Throws: `InferenceError`
    init(of request: Request, by router: ItemReader, _ catalog: Catalog) throws {
        var draft = RoutingDraft(request: request, catalog: catalog)
        let readings = try router.read([draft.texts])[0]
        draft.record(readings)
        let items = Dictionary(grouping: draft.items(by: router.identity), by: \.source)
        let names = [nil] + request.attachments.map { Optional($0.name) }
        parts = draft.texts.enumerated().flatMap { source, text in
            Self.cut(Array(text.unicodeScalars), named: names[source], items[source] ?? [], router, catalog)
        }
        self.router = router.identity
        tokens = readings.reduce(0) { $0 + $1.inputTokens }
        flops = readings.reduce(0) { $0 + $1.flops }
    }

    private static func cut(
        _ text: [Unicode.Scalar], named source: String?, _ items: [RoutedItem], _ router: ItemReader,
        _ catalog: Catalog
    ) -> [Part] {
        var parts: [Part] = [], end = 0
        func addRest(to start: Int) {
            var range = end..<start
            while let first = range.first, text[first].properties.isWhitespace { range = first + 1..<start }
            while let last = range.last, text[last].properties.isWhitespace { range = range.lowerBound..<last }
            guard !range.isEmpty else { return }
            parts.append(
                Part(
                    source: source, span: Item.Span(range.lowerBound, range.upperBound),
                    text: String(String.UnicodeScalarView(text[range])),
                    item: nil, scores: [], language: nil, threshold: nil, verdicts: []))
        }
        for item in items {
            guard let span = item.item.span else { continue }
            addRest(to: span.start)
            end = span.end
            parts.append(
                Part(
                    source: source, span: span, text: item.item.text, item: item,
                    scores: item.parts.count == 1 ? router.scores(of: item.parts[0]) : [],
                    language: RecognizedLanguage(of: item.item.text)?.tag,
                    threshold: router.threshold(of: item.prediction.label),
                    verdicts: item.routes.flatMap { catalog.languageVerdicts(on: [item.item.text], of: $0) }))
        }
        addRest(to: text.count)
        return parts
    }
}

extension Explanation {
    /// A line about the router, and a table of the parts.
    var text: String {
        var table = Table(columns: ["span", "text", "goes_to", "sureness", "why", "scores"], rows: parts.map(row))
        if parts.contains(where: { $0.source != nil }) {
            table.columns.insert("source", at: 0)
            for (index, part) in parts.enumerated() {
                table.rows[index].insert(part.source.map { .text($0) } ?? .none, at: 0)
            }
        }
        return "\(router): \(tokens) tokens, \(flops) FLOPs\n" + table.text(fitting: Console.width)
    }

    var json: String {
        var writer = JSONWriter()
        writer.object { body in
            body.member("router", router.description)
            body.member("inputTokens", tokens)
            body.member("flops", flops)
            body.name("parts")
            body.array(parts) { $1.write(to: &$0) }
        }
        return writer.text
    }

    private func row(of part: Part) -> [Table.Cell] {
        [
            .text("\(part.span.start)-\(part.span.end)"), .text(part.text), .text(part.destinations),
            part.item.map { .number(Self.short($0.prediction.confidence)) } ?? .none,
            .text(part.reason), .text(part.shownScores),
        ]
    }

    fileprivate static func short(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}

extension Explanation.Part {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("kind", item == nil ? "rest" : "item")
            body.member("source", source)
            body.name("span")
            body.array([span.start, span.end]) { $0.integer($1) }
            body.member("text", text)
            guard let item else { return }
            body.name("routes")
            body.array(item.routes) { $0.string($1.description) }
            body.member("rest", item.rest.word)
            body.name("confidence")
            body.probability(item.prediction.confidence)
            body.optional("threshold", threshold) { $0.probability($1) }
            body.optional("certainty", item.parts.map(\.certainty).min()) { $0.probability($1) }
            body.member("language", language)
            body.member("why", reason)
            body.name("addedRoutes")
            body.array(item.prediction.addedRoutes) { $0.string($1.description) }
            body.name("scores")
            body.array(scores) { writer, score in
                writer.object {
                    $0.member("route", score.route.description)
                    $0.name("probability")
                    $0.probability(score.probability)
                    $0.name("threshold")
                    $0.probability(score.threshold)
                }
            }
        }
    }

    fileprivate var destinations: String {
        guard let item else { return "" }
        let rest = item.rest == .nothing ? [] : [item.rest.title]
        return (item.routes.map(\.description) + rest).joined(separator: ", ")
    }

    fileprivate var reason: String {
        guard let item else { return "no item" }
        let heads = item.prediction.addedRoutes.map { "the route head of \($0) accepts it" }
        let languages = zip(item.routes, verdicts).compactMap { route, verdict in Self.reason(route, verdict) }
        return (heads + [ownReason(item)].compactMap(\.self) + languages).joined(separator: "; ")
    }

    /// Why the small model of a task is not asked about the item.
    private static func reason(_ route: Route, _ verdict: LanguageVerdict) -> String? {
        switch verdict {
        case .proceed: nil
        case .full(let language): "only the full model of \(route) understands \(language)"
        case .unsupported(let language): "no model of \(route) understands \(language), which is the answer"
        }
    }

    private func ownReason(_ item: RoutedItem) -> String? {
        switch item.rest {
        case .unsupportedLanguage(let language): "its language is \(language)"
        case .fullModel where item.isUncut: "it is not sure how it is cut"
        case .fullModel: "not sure" + (threshold.map { ": below \(Explanation.short($0))" } ?? "")
        case .noRoute: item.parts.isEmpty ? "nothing in the text is an item" : "sure that no task fits"
        case .nothing: item.prediction.isSure ? "sure of its tasks" : nil
        }
    }

    /// The tasks that are at all probable.
    fileprivate var shownScores: String {
        scores.filter { $0.probability >= 0.01 || $0.probability >= $0.threshold }
            .map { score in
                let isGiven = score.probability >= score.threshold
                return "\(score.route) \(Explanation.short(score.probability)) \(isGiven ? "≥" : "<")"
                    + " \(Explanation.short(score.threshold))"
            }
            .joined(separator: ", ")
    }
}

extension RoutedItem.Rest {
    /// For programs.
    fileprivate var word: String {
        switch self {
        case .nothing: "nothing"
        case .noRoute: Answer.noRoute
        case .fullModel: "full_model"
        case .unsupportedLanguage: Answer.unsupportedLanguage
        }
    }

    fileprivate var title: String { word.replacing("_", with: " ") }
}
