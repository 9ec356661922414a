import Contracts
import Delivery
import Inference
import WorkerKit

/// A human request on its way to a plan: first the wholes are routed, then what is not taken whole.
///
/// A bug report or a prompt means something only as a whole, a contract sentence by sentence, and a compound wish part
/// by part: so a block is asked for as a whole before it is cut
/// (`infra/decisions/0005-route-wholes-before-parts.md`).
struct RoutingDraft {
    /// Tasks whose unit is a document.
    private static let documentRoutes: Set<Route> = [
        Route(.softwareDevelopment, "issue-type"), Route(.securityServices, "prompt-attack"),
    ]

    private let segments: [Segment]
    private var predictions: [ExactText: Prediction] = [:]
    private(set) var chosen: [Item] = []
    private(set) var usage = TokenUsage.zero
    private(set) var durationMicros: Int64 = 0
    private(set) var startedAt = Timestamp.now
    private(set) var fault: InferenceError?

    var wasRouted: Bool { usage != .zero || fault != nil }

    init(request: Request, segmenter: Segmenter) {
        var segments = segmenter.segments(of: request)
        // Nothing but fences or marks: the text itself is the one item, so that nothing is lost.
        if segments.isEmpty, let text = request.text {
            let whole = Item(text: text, span: Item.Span(0, text.unicodeScalars.count))
            segments = [Segment(whole: whole, kind: .quotation, sentences: [.init(whole: whole, parts: [whole])])]
        }
        self.segments = segments
    }

    /// More than any plan holds: known before a model is asked.
    var isTooLarge: Bool { max(segments.count, chosen.count) > Limits.itemsPerPlan }

    /// Blocks of several sentences, and compound sentences: what might be better left whole.
    var wholes: [Item] {
        segments.flatMap { segment in
            (segment.sentences.count > 1 ? [segment.whole] : [])
                + segment.sentences.filter { $0.parts.count > 1 }.map(\.whole)
        }
    }

    /// What was chosen and is not routed yet.
    var openItems: [Item] { chosen.filter { predictions[ExactText($0.text)] == nil } }

    var routed: [(item: Item, prediction: Prediction)] {
        chosen.compactMap { item in predictions[ExactText(item.text)].map { (item, $0) } }
    }

    mutating func record(_ items: [Item], _ share: BatchClassification.Share) {
        for (item, prediction) in zip(items, share.predictions) { predictions[ExactText(item.text)] = prediction }
        usage = usage + share.usage
        durationMicros += share.durationMicros
        startedAt = min(startedAt, share.startedAt)
    }

    /// A router that cannot compute is sure of nothing: the full model routes.
    mutating func giveUp(_ items: [Item], _ error: InferenceError) {
        for item in items {
            predictions[ExactText(item.text)] = Prediction(
                label: Answer.noRoute, confidence: 0, isSure: false, inputTokens: 0, flops: 0)
        }
        fault = error
    }

    mutating func choose() {
        chosen = segments.flatMap { segment in
            // Even a doubtful document is asked about as one: of its sentences the full model could tell less.
            if segment.sentences.count > 1, isAllowed(segment.whole, Self.documentRoutes.contains) {
                return [segment.whole]
            }
            return segment.sentences.flatMap { sentence in
                // A clause is long and full of "and", and still one clause.
                sentence.parts.count > 1 && isSure(sentence.whole)
                    && isAllowed(sentence.whole, { $0.capability == .legalServices })
                    ? [sentence.whole] : sentence.parts
            }
        }
    }

    private func isSure(_ item: Item) -> Bool { predictions[ExactText(item.text)]?.isSure ?? false }

    /// Whether it was routed somewhere, and nowhere else than `condition` allows.
    private func isAllowed(_ item: Item, _ condition: (Route) -> Bool) -> Bool {
        let routes = predictions[ExactText(item.text)].map { PlanBuilder.routes(in: $0.label) } ?? []
        return !routes.isEmpty && routes.allSatisfy(condition)
    }
}
