import Contracts
import Delivery
import Inference
import MessageBus
import Planning
import Store
import Telemetry
import WorkerKit

/// Asks the full model for the items that no other model was sure of.
///
/// A call is written to the ledger before it is made. If the process dies during the call, the row stays as `unknown`
/// at its reserved price, and the repetition is an attempt of its own. Once a call is settled, its answer is kept, so
/// that a copy of the escalation gets the same answer without another call.
/// A reference, since each of hundreds of steps that wait would hold copies of it.
/// - Consumes: `winnow.escalations.v1`, or the bulk lane's
/// - Produces: `winnow.outcomes.v1` in the same lane; `winnow.shadows.v1` for a sample of the middle model's answers
final class EscalationHandler: BatchHandler {
    private let source: EventSource
    private let classifier: any Classifier
    let middle: MiddleTier?
    private let ledger: any AttemptLedger
    private let prices: PriceBook
    private let cancellations: any Cancellations
    private let triage: StepTriage<Escalation>
    private let refused: [Budget.Policy: Counter]
    private let gate: LaneGate?
    private let catalog: LiveCatalog
    private let languages: LanguageMetrics

    /// What came of a step.
    struct Ending: Sendable {
        /// `nil` if the step waits until its tenant's budget has room again.
        var outcome: Outcome?
        /// Answers that are compared in the background.
        var shadow: OutgoingRecord?
    }

    /// - Parameters:
    ///   - middle: is asked before the full model.
    ///   - catalog: the routes that an answer to a routing may name, and the languages that models understand.
    ///   - gate: the point at which the bulk lane yields to the interactive lane.
    init(
        service: String, classifier: any Classifier, middle: MiddleTier? = nil, ledger: any AttemptLedger,
        prices: PriceBook, catalog: LiveCatalog,
        metrics: Metrics = Metrics(), cancellations: any Cancellations = NoCancellations(), gate: LaneGate? = nil
    ) {
        source = EventSource(service: service)
        self.classifier = classifier
        self.middle = middle
        self.ledger = ledger
        self.prices = prices
        self.cancellations = cancellations
        self.gate = gate
        self.catalog = catalog
        languages = LanguageMetrics(metrics)
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
        await middle?.prepare()
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        let (accepted, settled) = triage.sort(records)
        let catalog = catalog.current
        let steps = accepted.map { EscalatedStep($0, catalog, counting: languages) }
        let endings = try await endings(of: steps)
        return settled
            + zip(steps, endings).flatMap { step, ending -> [OutgoingRecord] in
                let outcome = ending.outcome.map { source.outcome($0, of: step.event) }
                return [outcome, ending.shadow].compactMap(\.self)
            }
    }

    /// Asks the middle model, and then the full one about the items that are still open.
    /// - Returns: an ending for each step, in order.
    func endings(of steps: [EscalatedStep]) async throws -> [Ending] {
        let reduced = try await middle?.answer(steps) ?? steps.map { MiddleTier.Reduced(step: $0) }
        // A copy asks nothing, but gets an outcome of its own: it may carry other attempts of the worker.
        var asked: Set<EscalatedStep.Key> = []
        let open = reduced.map(\.step).filter { !$0.escalation.open.isEmpty }
        let replies = try await replies(to: open.filter { asked.insert($0.key).inserted })
        return reduced.map { reduced in
            let step = reduced.step
            let outcome =
                step.escalation.open.isEmpty ? step.outcome([]) : replies[step.key].flatMap { $0.outcome(of: step) }
            return Ending(outcome: outcome, shadow: reduced.shadow)
        }
    }

    @Sendable func countRefusal(by budget: Budget) { refused[budget.policy]?.increment() }

    private func replies(to calls: [EscalatedStep]) async throws -> [EscalatedStep.Key: Reply] {
        guard !calls.isEmpty else { return [:] }
        let pricing = try await prices.current()
        let catalog = catalog.current
        let reservations = try await ledger.reserve(
            calls.map { call in
                (
                    LedgerEntry(
                        .full, from: catalog.firstReservedNumber(of: call.escalation.route), of: call.id,
                        tenant: call.event.tenant, call.group, on: classifier),
                    call.question
                )
            }
        ) { try pricing.begun($0, at: $1) }
        var started: [(call: EscalatedStep, entry: LedgerEntry)] = []
        for (call, reservation) in zip(calls, reservations) {
            if case .started(let entry) = reservation { started.append((call, entry)) }
        }
        var replies = try await compute(started, pricing)
        for (call, reservation) in zip(calls, reservations) {
            switch reservation {
            case .started: break
            case .answered(let answers): replies[call.key] = .answered(answers)
            case .refused(let budget):
                countRefusal(by: budget)
                replies[call.key] = .refused(budget)
            }
        }
        return replies
    }

    private func compute(
        _ started: [(call: EscalatedStep, entry: LedgerEntry)], _ pricing: PriceList
    ) async throws -> [EscalatedStep.Key: Reply] {
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
                            by: share, pricing: pricing,
                            answered: zip(started.call.escalation.open, share.predictions)
                                .filter { started.call.isCountedHere($0, $1.label, catalog) }.map(\.1))
                        entry.guesses = started.call.guesses(share)
                        return entry
                    case .failure(let error): return started.entry.failed(error)
                    }
                },
                keeping: zip(started, replies).compactMap { started, reply in
                    guard case .answered(let answers) = reply else { return nil }
                    return PaidAnswer(step: started.call.id, question: started.call.question, answers: answers)
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

    /// - Returns: `nil` if the step waits until its tenant's budget has room again.
    func outcome(of step: EscalatedStep) -> Outcome? {
        switch self {
        case .answered(let answers): step.outcome(zip(step.escalation.open, answers).map { ($0, $1) })
        case .failed(let message): step.failure(message)
        case .refused(let budget): step.outcome(of: step.escalation.open, refusedBy: budget, [])
        }
    }

    init(_ share: Result<BatchClassification.Share, InferenceError>, of model: ModelIdentity) {
        switch share {
        case .success(let share):
            self = .answered(
                share.predictions.map { prediction in
                    Answer(
                        .label(prediction.label), confidence: prediction.confidence, decidedBy: .full,
                        model: model.description, isTruncated: prediction.isTruncated,
                        isUnfamiliar: prediction.isUnfamiliar)
                })
        case .failure(let error): self = .failed(error.message)
        }
    }
}

extension EscalatedStep {
    /// Returns the guesses of other models beside the full model's answers.
    fileprivate func guesses(_ share: BatchClassification.Share) -> LedgerEntry.Guesses {
        let known = zip(escalation.open, share.predictions).filter { $0.0.guess != nil }
        return LedgerEntry.Guesses(
            known: known.count, agreed: known.count { $0.0.guess?.output == .label($0.1.label) })
    }
}
