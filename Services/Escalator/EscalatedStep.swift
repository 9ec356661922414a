import Contracts
import Crypto
import Languages
import Planning
import Store
import WorkerKit

/// The escalation of one step, and the outcomes that it can have.
///
/// A reference, since each of hundreds of steps that wait for their calls would hold several copies of it.
final class EscalatedStep: Sendable {
    /// Equal for copies of an escalation that ask the same question.
    struct Key: Hashable {
        let step: Step.ID
        let question: QuestionDigest
    }

    typealias OpenItem = Escalation.OpenItem

    let event: StepEvent
    let escalation: Escalation
    /// How many times the record has been delivered, including this time.
    let delivery: Int
    let question: QuestionDigest
    /// The indexes of open items in a language that only the full model understands.
    private let foreign: Set<Int>

    /// Answers the items in a language that nobody understands, so that they are open no more.
    ///
    /// An item with a guess is not looked at: a worker has read it and counted what the full model alone would have
    /// cost, whatever another version of the catalog says meanwhile.
    /// - Parameter catalog: says which languages the models of the task understand.
    convenience init(
        _ accepted: StepTriage<Escalation>.Accepted, _ catalog: Catalog, counting metrics: LanguageMetrics
    ) {
        var escalation = accepted.message
        let unread = escalation.open.filter { $0.guess == nil }
        let verdicts = catalog.languageVerdicts(on: unread.map(\.text), of: escalation.route)
        metrics.count(verdicts, of: escalation.route.capability)
        var foreign: Set<Int> = [], answered: Set<Int> = []
        for (item, verdict) in zip(unread, verdicts) {
            switch verdict {
            case .proceed: break
            case .full: foreign.insert(item.index)
            case .unsupported:
                escalation.answers[item.index] = .inUnsupportedLanguage
                answered.insert(item.index)
            }
        }
        escalation.open.removeAll { answered.contains($0.index) }
        self.init(accepted.event, escalation, foreign: foreign, delivery: accepted.delivery)
    }

    private init(_ event: StepEvent, _ escalation: Escalation, foreign: Set<Int>, delivery: Int) {
        (self.event, self.escalation, self.foreign, self.delivery) = (event, escalation, foreign, delivery)
        question = QuestionDigest(escalation.open)
    }

    var id: Step.ID { Step.ID(request: event.request, ordinal: escalation.step) }
    var key: Key { Key(step: id, question: question) }
    var group: BatchClassification.Group { group(of: escalation.open) }

    /// The open items that models before the full one may be asked about.
    var openForEarlierTiers: [OpenItem] {
        foreign.isEmpty ? escalation.open : escalation.open.filter { !foreign.contains($0.index) }
    }

    /// The step with only these items open.
    var forEarlierTiers: EscalatedStep {
        guard !foreign.isEmpty else { return self }
        var escalation = escalation
        escalation.open = openForEarlierTiers
        return EscalatedStep(event, escalation, foreign: [], delivery: delivery)
    }

    /// Items that a model of the step's route is asked about.
    func group(of items: [OpenItem]) -> BatchClassification.Group {
        .init(route: escalation.route, texts: items.map(\.text), contexts: items.map(\.context))
    }

    /// Returns the step after a model before the full one was asked about all open items.
    /// - Parameters:
    ///   - accepted: the answers that its certificate allows, by the index of the item.
    ///   - said: what it said about each item, by the same index.
    ///   - attempt: the call, if the outcome is to carry it.
    func after(
        accepting accepted: [Int: Answer], of said: [Int: Answer], attempt: Attempt? = nil
    ) -> EscalatedStep {
        var escalation = escalation
        for (index, answer) in accepted { escalation.answers[index] = answer }
        escalation.open = escalation.open.filter { accepted[$0.index] == nil }.map { item in
            var item = item
            item.guess = .better(item.guess, said[item.index])
            return item
        }
        if let attempt { escalation.attempts.append(attempt) }
        return EscalatedStep(event, escalation, foreign: foreign, delivery: delivery)
    }

    /// Draws the sample of a model's accepted answers that the full model is to answer too.
    func shadow(
        _ draw: ShadowDraw, of accepted: [Int: Answer], by model: ModelIdentity, under certificate: Certificate,
        at time: Timestamp
    ) -> Shadow? {
        let items = escalation.open.compactMap { item in
            accepted[item.index].map {
                Shadow.Item(index: item.index, text: item.text, output: $0.output, confidence: $0.confidence)
            }
        }
        return draw.shadow(
            of: items, step: escalation.step, route: escalation.route, by: model, under: certificate, at: time)
    }

    /// Whether the cost of the full model alone for an item is counted at this call, because no other attempt counts it.
    ///
    /// If no worker answered the step, because there is none or because it failed, the first model that answers an item
    /// counts it. The full model counts an item whose language the worker's model was not cut for. In a routing, this
    /// call answers the items that fit no capability. The steps that the other items are routed to count those.
    /// - Parameter label: the answer; `nil` for a text or a JSON value, and for an item that was cut into parts.
    func isCountedHere(_ item: OpenItem, _ label: String?, _ catalog: Catalog) -> Bool {
        if escalation.route.expandsPlan { return label.map { catalog.routes(in: $0).isEmpty } ?? false }
        return hasNoWorkersAttempt || foreign.contains(item.index)
    }

    /// Whether no worker has answered the step, so that no attempt of one counts the items.
    var hasNoWorkersAttempt: Bool {
        !escalation.attempts.contains { $0.kind == .worker && $0.state == .settled }
    }

    /// Returns the outcome if all open items are answered.
    ///
    /// It carries the attempts of the worker and of the middle model, because the rows of other calls are already in the
    /// ledger.
    func outcome(_ given: [(item: OpenItem, answer: Answer)]) -> Outcome {
        var answers = escalation.answers
        for (item, answer) in given { answers[item.index] = answer }
        let outcome = Outcome(
            step: escalation.step, route: escalation.route, state: .answered, answers: answers,
            attempts: escalation.attempts)
        // Only texts can be as large as this, and a larger record is written nowhere.
        guard outcome.encode().count <= Limits.resultBytes else {
            return failure("the answers are too large for a message")
        }
        return outcome
    }

    /// Returns the outcome of a step that its tenant's budget refuses.
    /// - Parameters:
    ///   - refused: the open items that stay without an answer.
    ///   - given: what was answered before the budget was exhausted.
    /// - Returns: `nil` if the step waits. The aggregator then re-drives it like any step without an outcome.
    func outcome(
        of refused: [OpenItem], refusedBy budget: Budget, _ given: [(item: OpenItem, answer: Answer)]
    ) -> Outcome? {
        switch budget.policy {
        case .queue: return nil
        case .fail: return failure("the tenant's budget for escalations is exhausted")
        case .degrade:
            let guesses = refused.compactMap { item in
                (noRoute ?? item.guess ?? noLanguage(item)).map { guess in
                    var guess = guess
                    guess.isDegraded = true
                    return (item: item, answer: guess)
                }
            }
            guard guesses.count == refused.count else {
                return failure("the tenant's budget for escalations is exhausted, and the small model has no answer")
            }
            return outcome(given + guesses)
        }
    }

    func failure(_ error: String) -> Outcome {
        .failed(escalation.step, escalation.route, error, attempts: escalation.attempts)
    }

    /// An item that the router was not sure of stays unrouted. On a guessed route, workers would give answers that do
    /// not show that the route was a guess.
    private var noRoute: Answer? {
        guard escalation.route.expandsPlan else { return nil }
        return Answer(.label(Answer.noRoute), confidence: 0, decidedBy: .worker, model: "none")
    }

    /// Only the full model could have answered an item in another language.
    private func noLanguage(_ item: OpenItem) -> Answer? {
        foreign.contains(item.index) ? .inUnsupportedLanguage : nil
    }
}

extension Catalog {
    /// The number of the first row that is reserved for a step. The rows before it are those of the attempts that the
    /// step's outcome carries, which the aggregator writes later: the worker's, and the middle model's.
    func firstReservedNumber(of route: Route) -> Int { self[route]?.models.middle == nil ? 2 : MiddleTier.number + 1 }
}

extension Answer {
    /// The answer that is more probably right. What a model says of itself counts for nothing beside a measurement.
    fileprivate static func better(_ earlier: Answer?, _ later: Answer?) -> Answer? {
        guard let earlier, let later else { return later ?? earlier }
        guard later.evidence.isCertifiable else { return earlier }
        return earlier.evidence.isCertifiable && earlier.confidence > later.confidence ? earlier : later
    }
}

extension QuestionDigest {
    /// Item indexes are part of the question, because answers are given by index. So is what stands around an item, since
    /// its answer depends on it, and the kind of the call, because answers of a small model must never pass for those of
    /// the full one.
    init(_ open: [Escalation.OpenItem], of kind: Attempt.Kind = .full) {
        var bytes = kind == .full ? [] : Array("\(kind.rawValue) ".utf8)
        for item in open {
            append([item.text], item.index)
            // A context is no item, so its index is that of none.
            if let context = item.context { append([context.before, context.after, context.request], -1) }
        }
        self.init(bytes.withUnsafeBytes { SHA256.bytes($0) })

        // Lengths separate the texts. That of a missing one is -1.
        func append(_ texts: [String?], _ index: Int) {
            for number in [index] + texts.map({ $0?.utf8.count ?? -1 }) {
                withUnsafeBytes(of: Int64(number).bigEndian) { bytes.append(contentsOf: $0) }
            }
            for text in texts.compactMap(\.self) { bytes.append(contentsOf: text.utf8) }
        }
    }
}
