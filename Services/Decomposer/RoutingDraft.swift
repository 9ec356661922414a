import Contracts
import Inference
import Languages
import Planning
import WorkerKit

/// A human request before it has a plan. The router classifies whole blocks first, and their parts only if no task for
/// whole documents accepts the block.
///
/// A bug report or a prompt has its meaning as a whole, a contract sentence by sentence, and a compound wish part by
/// part (`infra/decisions/0005-route-whole-texts-first.md`).
struct RoutingDraft {
    /// The routes that the items may take.
    let catalog: Catalog
    private let segments: [Segment]
    private var predictions: [ExactText: Prediction] = [:]
    /// Texts that are kept whole as documents. Their beginning shows what they are.
    private var documents: Set<ExactText> = []
    /// Sentences with a cut that the splitter is not sure of, which the full model is to cut.
    private var uncut: Set<ExactText> = []
    /// Texts that the router could not read, so that it made no prediction.
    private var unread: Set<ExactText> = []
    private(set) var chosen: [Item] = []
    private(set) var usage = TokenUsage.zero
    private(set) var durationMicros: Int64 = 0
    private(set) var startedAt = Timestamp.now
    private(set) var fault: InferenceError?

    var wasRouted: Bool { usage != .zero || fault != nil }

    init(request: Request, segmenter: Segmenter, catalog: Catalog) {
        self.catalog = catalog
        var segments = segmenter.segments(of: request)
        // The rules found nothing, because the text consists of fence or list marks only. The whole text becomes the
        // one item, so that it gets an answer.
        if segments.isEmpty, let text = request.text {
            let whole = Item(text: text, span: Item.Span(0, text.unicodeScalars.count))
            segments = [Segment(whole: whole, kind: .quotation, sentences: [.init(whole: whole, parts: [whole])])]
        }
        self.segments = segments
    }

    /// Whether there are more items than any plan holds. This is known before a model is called.
    var isTooLarge: Bool { max(segments.count, chosen.count) > Limits.itemsPerPlan }

    /// The texts that are routed as a whole first: blocks of several sentences, and compound sentences.
    var wholes: [Item] {
        segments.flatMap { segment in
            (segment.sentences.count > 1 ? [segment.whole] : [])
                + segment.sentences.filter { $0.parts.count > 1 || isDoubtful($0) }.map(\.whole)
        }
    }

    /// Chosen items that are still to be routed. An item of which the router has read only the beginning is among them,
    /// unless it is a document.
    var openItems: [Item] {
        chosen.filter { item in
            let text = ExactText(item.text)
            return predictions[text].map { $0.isTruncated && !documents.contains(text) } ?? true
        }
    }

    var routed: [(item: Item, prediction: Prediction)] {
        chosen.compactMap { item in predictions[ExactText(item.text)].map { (item, $0) } }
    }

    mutating func record(_ items: [Item], _ share: BatchClassification.Share) {
        for (item, prediction) in zip(items, share.predictions) { predictions[ExactText(item.text)] = prediction }
        usage = usage + share.usage
        durationMicros += share.durationMicros
        startedAt = min(startedAt, share.startedAt)
    }

    /// If the router fails, the full model routes the items.
    mutating func giveUp(_ items: [Item], _ error: InferenceError) {
        for item in items {
            unread.insert(ExactText(item.text))
            predictions[ExactText(item.text)] = Prediction(
                label: Answer.noRoute, confidence: 0, isSure: false, inputTokens: 0, flops: 0)
        }
        fault = error
    }

    mutating func choose() {
        // A document with an unsure route also stays whole: the full model could tell less from its sentences.
        documents = Set(
            segments.filter { $0.sentences.count > 1 && isAllowed($0.whole, as: [.document]) }
                .map { ExactText($0.whole.text) })
        chosen = []
        for segment in segments {
            let isDocument = segment.sentences.count > 1 && documents.contains(ExactText(segment.whole.text))
            chosen += isDocument ? [segment.whole] : parts(of: segment)
        }
    }

    private mutating func parts(of segment: Segment) -> [Item] {
        segment.sentences.flatMap { sentence in
            if isDoubtful(sentence), !isSureClause(sentence.whole) {
                uncut.insert(ExactText(sentence.whole.text))
                return [sentence.whole]
            }
            return sentence.parts.count > 1 && isSureClause(sentence.whole) ? [sentence.whole] : sentence.parts
        }
    }

    /// A clause of a contract is long and contains many conjunctions, but is one clause.
    private func isSureClause(_ sentence: Item) -> Bool {
        isSure(sentence) && isAllowed(sentence, as: [.clause, .sentence])
    }

    /// Whether the splitter is less sure of a cut than the catalog wants.
    private func isDoubtful(_ sentence: Segment.Sentence) -> Bool {
        catalog.decomposition.splitBelow.map { sentence.confidence < $0 } ?? false
    }

    /// Whether the full model is to say how the item is cut.
    func isUncut(_ item: Item) -> Bool { uncut.contains(ExactText(item.text)) }

    /// Returns the router's prediction for an item; `nil` if the router could not read it.
    func guess(_ item: Item, by model: ModelIdentity) -> Answer? {
        guard !unread.contains(ExactText(item.text)), let prediction = predictions[ExactText(item.text)] else {
            return nil
        }
        return Answer(
            .label(prediction.label), confidence: prediction.confidence, decidedBy: .worker, model: model.description)
    }

    private func routing(_ item: Item) -> ItemRouting? {
        predictions[ExactText(item.text)].map { ItemRouting($0, catalog) }
    }

    private func isSure(_ item: Item) -> Bool { routing(item)?.isSure ?? false }

    /// Returns whether the item was routed, and only to tasks that read one of these units.
    private func isAllowed(_ item: Item, as units: Set<TaskDescription.Unit>) -> Bool {
        let routes = routing(item)?.shaping ?? []
        return !routes.isEmpty && routes.allSatisfy { catalog[$0].map { units.contains($0.unit) } ?? false }
    }
}

/// Where an item goes, by the router's own head and by the route heads of the catalog.
///
/// Route heads only add. What the router's own head says about its own tasks stays as it is without them: a sure
/// answer, a question for the full model, and where a text is cut. Only its `none` ends where a route head accepts the
/// item.
/// - Source: decision 50
struct ItemRouting {
    /// The tasks that the item goes to at once.
    let routes: [Route]
    /// Whether nobody else is asked about the item.
    let isSure: Bool
    /// The tasks that decide where the text is cut.
    let shaping: [Route]

    init(_ prediction: Prediction, _ catalog: Catalog) {
        let own = catalog.routes(in: prediction.label), added = prediction.addedRoutes.filter { catalog[$0] != nil }
        routes = (prediction.isSure ? own : []) + added.filter { !prediction.isSure || !own.contains($0) }
        isSure = prediction.isSure || own.isEmpty && !added.isEmpty
        shaping = own.isEmpty ? added : own
    }

    /// Says whether the item can be routed at all, by its language. A sure route is followed: its worker decides. So is
    /// a guess at a task whose items are in no language, since the full model may confirm it.
    func languageVerdict(on text: String, _ catalog: Catalog) -> LanguageVerdict {
        guard routes.isEmpty, shaping.allSatisfy({ catalog[$0]?.unit.hasLanguage ?? true }) else { return .proceed }
        return catalog.languageVerdict(onUnrouted: text)
    }
}
