import Contracts
import Crypto
import Delivery
import Inference
import MessageBus
import Planning
import Store
import Telemetry
import WorkerKit

/// Asks the full model for the items that a small model was not sure of.
///
/// A call is written to the ledger before it is made. If the process dies during the call, the row stays as `unknown`
/// at its reserved price, and the repetition is an attempt of its own. Once a call is settled, its answer is kept, so
/// that a copy of the escalation gets the same answer without another call.
/// - Consumes: `winnow.escalations.v1`, or the bulk lane's
/// - Produces: `winnow.outcomes.v1` in the same lane
struct EscalationHandler: BatchHandler {
    private let source: EventSource
    private let classifier: any Classifier
    private let ledger: any AttemptLedger
    private let prices: PriceBook
    private let cancellations: any Cancellations
    private let triage: StepTriage<Escalation>
    private let refused: [Budget.Policy: Counter]
    private let gate: LaneGate?
    private let catalog: LiveCatalog

    /// - Parameters:
    ///   - catalog: the routes that an answer to a routing may name.
    ///   - gate: the point at which the bulk lane yields to the interactive lane.
    init(
        service: String, classifier: any Classifier, ledger: any AttemptLedger, prices: PriceBook, catalog: LiveCatalog,
        metrics: Metrics = Metrics(), cancellations: any Cancellations = NoCancellations(), gate: LaneGate? = nil
    ) {
        source = EventSource(service: service)
        self.classifier = classifier
        self.ledger = ledger
        self.prices = prices
        self.cancellations = cancellations
        self.gate = gate
        self.catalog = catalog
        refused = Budget.Policy.allCases.reduce(into: [:]) { counters, policy in
            counters[policy] = metrics.counter(
                "winnow_escalations_refused_total",
                "Steps that were not escalated because the tenant's budget had no room.",
                [("policy", policy.rawValue)])
        }
        triage = StepTriage(
            source: source, routes: classifier.routes, unknownRoute: "the full model does not answer this task",
            cancellations: cancellations, metrics: metrics)
    }

    func prepare() async throws {
        _ = try await prices.current()
        await cancellations.prepare()
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        let (accepted, settled) = triage.sort(records)
        var emitted = settled
        let requested = accepted.map { Call(event: $0.event, escalation: $0.message) }
        // A copy asks nothing, but gets an outcome of its own: it may carry other attempts of the worker.
        var asked: Set<Call.Key> = []
        let replies = try await replies(to: requested.filter { asked.insert($0.key).inserted })
        for call in requested {
            guard let outcome = replies[call.key].flatMap(call.outcome) else { continue }
            emitted.append(source.outcome(outcome, of: call.event))
        }
        return emitted
    }

    private func replies(to calls: [Call]) async throws -> [Call.Key: Reply] {
        guard !calls.isEmpty else { return [:] }
        let pricing = try await prices.current()
        let reservations = try await ledger.reserve(
            calls.map { call in
                (
                    LedgerEntry(.full, of: call.step, tenant: call.event.tenant, call.group, on: classifier),
                    call.question
                )
            }
        ) { try pricing.begun($0, at: $1) }
        var started: [(call: Call, entry: LedgerEntry)] = []
        for (call, reservation) in zip(calls, reservations) {
            if case .started(let entry) = reservation { started.append((call, entry)) }
        }
        var replies = try await compute(started, pricing)
        for (call, reservation) in zip(calls, reservations) {
            switch reservation {
            case .started: break
            case .answered(let answers): replies[call.key] = .answered(answers)
            case .refused(let budget):
                refused[budget.policy]?.increment()
                replies[call.key] = .refused(budget)
            }
        }
        return replies
    }

    private func compute(
        _ started: [(call: Call, entry: LedgerEntry)], _ pricing: PriceList
    ) async throws -> [Call.Key: Reply] {
        guard !started.isEmpty else { return [:] }
        let catalog = catalog.current
        do {
            let shares = try await BatchClassification.run(
                started.map(\.call.group), on: classifier, gate: gate)
            let replies = zip(started, shares).map {
                Reply($1, of: classifier.identity(of: $0.call.escalation.route))
            }
            try await ledger.settle(
                try zip(started, shares).map { started, share in
                    switch share {
                    case .success(let share):
                        var entry = try started.entry.settled(
                            by: share, pricing: pricing, answered: started.call.answeredHere(share.predictions, catalog)
                        )
                        entry.guesses = started.call.guesses(share)
                        return entry
                    case .failure(let error): return started.entry.failed(error)
                    }
                },
                keeping: zip(started, replies).compactMap { started, reply in
                    guard case .answered(let answers) = reply else { return nil }
                    return PaidAnswer(step: started.call.step, question: started.call.question, answers: answers)
                })
            return Dictionary(zip(started.map(\.call.key), replies)) { first, _ in first }
        } catch let error as InferenceError {
            // A transient fault: the delivery loop retries, and the retry makes calls of its own.
            try await ledger.settle(started.map { $0.entry.failed(error) })
            throw error
        }
    }
}

/// What comes of asking the full model about the open items of a step.
private enum Reply {
    /// One answer per open item.
    case answered([Answer])
    case failed(String)
    case refused(Budget)

    init(_ share: Result<BatchClassification.Share, InferenceError>, of model: ModelIdentity) {
        switch share {
        case .success(let share):
            self = .answered(
                share.predictions.map { prediction in
                    Answer(
                        label: prediction.label, confidence: prediction.confidence, decidedBy: .full,
                        model: model.description, isTruncated: prediction.isTruncated)
                })
        case .failure(let error): self = .failed(error.message)
        }
    }
}

/// The escalation of one step.
private struct Call {
    /// Equal for copies of an escalation that ask the same question.
    struct Key: Hashable {
        let step: Step.ID
        let question: Question
    }

    let event: StepEvent
    let escalation: Escalation
    let question: Question

    init(event: StepEvent, escalation: Escalation) {
        self.event = event
        self.escalation = escalation
        question = Question(escalation.open)
    }

    var step: Step.ID { Step.ID(request: event.request, ordinal: escalation.step) }
    var key: Key { Key(step: step, question: question) }

    var group: BatchClassification.Group { .init(route: escalation.route, texts: escalation.open.map(\.text)) }

    /// - Returns: `nil` if the step waits until its tenant's budget has room again.
    func outcome(_ reply: Reply) -> Outcome? {
        switch reply {
        case .answered(let given):
            var answers = escalation.answers
            for (item, answer) in zip(escalation.open, given) { answers[item.index] = answer }
            return outcome(answers)
        case .failed(let message): return failure(message)
        case .refused(let budget): return outcome(refusedBy: budget)
        }
    }

    /// Returns the worker's guesses beside the full model's answers.
    func guesses(_ share: BatchClassification.Share) -> LedgerEntry.Guesses {
        let known = zip(escalation.open, share.predictions).filter { $0.0.guess != nil }
        return LedgerEntry.Guesses(known: known.count, agreed: known.count { $0.0.guess?.label == $0.1.label })
    }

    /// Returns the predictions for the items that no other attempt counts as answered.
    ///
    /// If the worker failed, its attempt has no tokens. In a routing, this call answers the items that fit no
    /// capability. The steps that the other items are routed to count those.
    func answeredHere(_ predictions: [Prediction], _ catalog: Catalog) -> [Prediction] {
        if escalation.route.expandsPlan {
            return predictions.filter { catalog.routes(in: $0.label).isEmpty }
        }
        let isWorkerLost = escalation.attempts.contains { $0.kind == .worker && $0.state == .failed }
        return isWorkerLost ? predictions : []
    }

    /// Returns the outcome of a step that its tenant's budget refuses.
    ///
    /// - Returns: `nil` if the step waits. The aggregator then re-drives it like any step without an outcome.
    private func outcome(refusedBy budget: Budget) -> Outcome? {
        switch budget.policy {
        case .queue: return nil
        case .fail: return failure("the tenant's budget for escalations is exhausted")
        case .degrade:
            var answers = escalation.answers
            for item in escalation.open { answers[item.index] = noRoute ?? item.guess }
            guard !answers.contains(nil) else {
                return failure("the tenant's budget for escalations is exhausted, and the small model has no answer")
            }
            for item in escalation.open { answers[item.index]?.isDegraded = true }
            return outcome(answers)
        }
    }

    /// An item that the router was not sure of stays unrouted. On a guessed route, workers would give answers that do
    /// not show that the route was a guess.
    private var noRoute: Answer? {
        guard escalation.route.expandsPlan else { return nil }
        return Answer(label: Answer.noRoute, confidence: 0, decidedBy: .worker, model: "none")
    }

    private func failure(_ error: String) -> Outcome {
        .failed(escalation.step, escalation.route, error, attempts: escalation.attempts)
    }

    /// Carries only the worker's attempts, because the full model's row is already in the ledger.
    private func outcome(_ answers: [Answer?]) -> Outcome {
        Outcome(
            step: escalation.step, route: escalation.route, state: .answered, answers: answers,
            attempts: escalation.attempts)
    }
}

extension Question {
    /// Item indexes are part of the question, because answers are given by index.
    fileprivate init(_ open: [Escalation.OpenItem]) {
        var bytes: [UInt8] = []
        for item in open {
            // Lengths separate the texts.
            for number in [item.index, item.text.utf8.count] {
                withUnsafeBytes(of: Int64(number).bigEndian) { bytes.append(contentsOf: $0) }
            }
            bytes.append(contentsOf: item.text.utf8)
        }
        self.init(digest: bytes.withUnsafeBytes { SHA256.bytes($0) })
    }
}
