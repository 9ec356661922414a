import Contracts
import Inference
import Languages

/// A human request before it has a plan: its texts, and what the router finds in them.
struct RoutingDraft {
    /// A part of a text that gets an answer.
    struct Found {
        let source: Int
        /// Offsets of the source's UTF-8.
        let range: Range<Int>
        let item: Item
        let prediction: Prediction
        /// Whether the full model is to say how the item is cut.
        var isUncut = false
    }

    /// The routes that the items may take.
    let catalog: Catalog
    /// The request's own text, which may be empty, and then its attachments.
    private let sources: [RequestSource]
    private(set) var found: [Found] = []
    private(set) var usage = TokenUsage.zero
    private(set) var durationMicros: Int64 = 0
    private(set) var startedAt = Timestamp.now
    private(set) var fault: InferenceError?

    init(request: Request, catalog: Catalog) {
        self.catalog = catalog
        sources =
            [RequestSource(name: nil, text: request.text ?? "")]
            + request.attachments.map { RequestSource(name: $0.name, text: $0.text) }
    }

    var texts: [String] { sources.map(\.text) }

    /// Whether there are more items than any plan holds.
    var isTooLarge: Bool { found.count > Limits.itemsPerPlan }

    mutating func record(_ share: BatchReading.Share) {
        (usage, durationMicros, startedAt) = (share.usage, share.durationMicros, share.startedAt)
        found = share.readings.enumerated().flatMap { items(in: $0, $1) }
        guard found.isEmpty else { return }
        // The answer says that there is nothing to do, so that the request has one.
        let filled = sources.indices.filter { !sources[$0].text.isBlank }
        for source in filled.first == 0 ? [0] : filled {
            if let absence = share.readings[source].absence { found.append(whole(source, absence)) }
        }
    }

    /// If the router fails, the full model routes each text as a whole.
    mutating func giveUp(_ error: InferenceError) {
        let unknown = Prediction(label: Answer.noRoute, confidence: 0, isSure: false, inputTokens: 0, flops: 0)
        found = sources.indices.filter { !sources[$0].text.isBlank }.map { whole($0, unknown) }
        fault = error
    }

    /// Returns the router's prediction for an item; `nil` if the router could not read it.
    func guess(_ found: Found, by model: ModelIdentity) -> Answer? {
        guard fault == nil else { return nil }
        return Answer(
            .label(found.prediction.label), confidence: found.prediction.confidence, decidedBy: .worker,
            model: model.description)
    }

    /// Returns an item with what stands around it, for the full model.
    func inContext(_ found: Found) -> Item {
        let source = sources[found.source], own = sources[0]
        let before = source.text(before: found.range.lowerBound)
        let isNearBeginning = found.source == 0 && before.utf8.count == found.range.lowerBound
        var item = found.item
        item.context = ItemContext(
            before: before, after: source.text(from: found.range.upperBound),
            request: isNearBeginning || own.text.isBlank ? nil : own.text(from: 0))
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
                isUncut: run.contains(where: isDoubtful))
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

/// Where an item goes, by the router's own head and by the route heads of the catalog.
///
/// Route heads only add. What the router's own head says about its own tasks stays as it is without them: a sure
/// answer, and a question for the full model. Only its `none` ends where a route head accepts the item.
/// - Source: decision 50
struct ItemRouting {
    /// The tasks that the item goes to at once.
    let routes: [Route]
    /// Whether nobody else is asked about the item.
    let isSure: Bool
    /// The tasks that the item may belong to, sure or not.
    private let guessed: [Route]

    init(_ prediction: Prediction, _ catalog: Catalog) {
        let own = catalog.routes(in: prediction.label), added = prediction.addedRoutes.filter { catalog[$0] != nil }
        routes = (prediction.isSure ? own : []) + added.filter { !prediction.isSure || !own.contains($0) }
        isSure = prediction.isSure || own.isEmpty && !added.isEmpty
        guessed = own.isEmpty ? added : own
    }

    /// Says whether the item can be routed at all, by its language. A sure route is followed: its worker decides. So is
    /// a guess at a task whose items are in no language, since the full model may confirm it.
    func languageVerdict(on text: String, _ catalog: Catalog) -> LanguageVerdict {
        guard routes.isEmpty, guessed.allSatisfy({ catalog[$0]?.unit.hasLanguage ?? true }) else { return .proceed }
        return catalog.languageVerdict(onUnrouted: text)
    }
}
