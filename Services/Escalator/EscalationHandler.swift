import Contracts
import Delivery
import Inference
import MessageBus
import Store
import Telemetry
import WorkerKit

/// The full model for the items that a small one was not sure of.
///
/// A call is a ledger row before it is made: if the process dies in it, the row stays, as `unknown`, at its reserved
/// price, and the repetition is an attempt of its own.
/// - Consumes: `winnow.escalations.v1`, or the bulk lane's
/// - Produces: `winnow.outcomes.v1` in the same lane
struct EscalationHandler: BatchHandler {
    private let source: EventSource
    private let classifier: any Classifier
    private let ledger: any AttemptLedger
    private let prices: PriceBook
    private let cancellations: any Cancellations
    private let cancelled: Counter
    private let recent: RecentOutcomes
    private let gate: LaneGate?

    /// - Parameter gate: where steps of the bulk lane give way.
    init(
        service: String, classifier: any Classifier, ledger: any AttemptLedger, prices: PriceBook,
        metrics: Metrics = Metrics(), cancellations: any Cancellations = NoCancellations(), gate: LaneGate? = nil
    ) {
        source = EventSource(service: service)
        self.classifier = classifier
        self.ledger = ledger
        self.prices = prices
        self.cancellations = cancellations
        self.gate = gate
        // A bulk step has many answers, and few of them are under way.
        recent = RecentOutcomes(capacity: gate == nil ? 1_000 : 20)
        cancelled = metrics.counter(
            "winnow_steps_cancelled_total", "Steps dropped before any compute, as their request was cancelled.")
    }

    func prepare() async throws {
        _ = try await prices.current()
        await cancellations.prepare()
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        var emitted: [OutgoingRecord] = []
        var requested: [Call] = []
        let now = Timestamp.now
        for record in records {
            do throws(ContractError) {
                let event = try StepEvent(record)
                let escalation = try event.body(Escalation.init(decoding:))
                if cancellations.contains(event.request) {
                    cancelled.increment()
                    guard !escalation.attempts.isEmpty else { continue }
                    // No call is made, but the worker's is on its way to the ledger.
                    var outcome = Outcome.cancelled(escalation.step, escalation.route)
                    outcome.attempts = escalation.attempts
                    emitted.append(source.outcome(outcome, of: event))
                } else if event.isExpired(at: now) {
                    var outcome = Outcome.expired(escalation.step, escalation.route)
                    outcome.attempts = escalation.attempts
                    emitted.append(source.outcome(outcome, of: event))
                } else if classifier.routes.contains(escalation.route) {
                    requested.append(Call(event: event, escalation: escalation))
                } else {
                    var outcome = Outcome.failed(
                        escalation.step, escalation.route, "the full model does not answer this task")
                    outcome.attempts = escalation.attempts
                    emitted.append(source.outcome(outcome, of: event))
                }
            } catch {
                emitted.append(source.deadLetter(record, error))
            }
        }
        var asked: Set<Step.ID> = []
        let calls = requested.filter {
            recent.answers(to: $0.escalation.open, of: $0.step) == nil && asked.insert($0.step).inserted
        }
        if !calls.isEmpty {
            for (call, outcome) in zip(calls, try await answer(calls)) {
                emitted.append(source.outcome(outcome, of: call.event))
            }
        }
        // The answer is given again, as it may be that the first one was never written.
        for call in requested where !asked.contains(call.step) {
            guard let answers = recent.answers(to: call.escalation.open, of: call.step) else { continue }
            emitted.append(source.outcome(call.outcome(answers), of: call.event))
        }
        return emitted
    }

    private func answer(_ calls: [Call]) async throws -> [Outcome] {
        let pricing = try await prices.current()
        let model = classifier.identity
        let started = try await ledger.start(
            calls.map { call in
                let attempt = Attempt.reserved(.full, texts: call.escalation.open.map(\.text), on: model)
                return pricing.entry(
                    for: attempt, of: call.step, tenant: call.event.tenant, route: call.escalation.route,
                    fullModel: model.name)
            })
        do {
            let shares = try await BatchClassification.run(
                calls.map { .init(route: $0.escalation.route, texts: $0.escalation.open.map(\.text)) },
                on: classifier, gate: gate)
            try await ledger.settle(
                zip(started, shares).map { entry, share in entry.settled(by: share, pricing: pricing) })
            return zip(calls, shares).map { call, share in
                let answers = call.answers(share, model: model)
                recent.remember(answers, to: call.escalation.open, of: call.step)
                return call.outcome(answers)
            }
        } catch let error as InferenceError {
            try await ledger.settle(started.map { $0.failed(error.code.rawValue) })
            return calls.map { call in
                var outcome = Outcome.failed(call.escalation.step, call.escalation.route, error.message)
                outcome.attempts = call.escalation.attempts
                return outcome
            }
        }
    }
}

/// One step in front of the full model.
private struct Call {
    let event: StepEvent
    let escalation: Escalation

    var step: Step.ID { Step.ID(request: event.request, ordinal: escalation.step) }

    func answers(_ share: BatchClassification.Share, model: ModelIdentity) -> [Answer?] {
        var answers = escalation.answers
        for (item, prediction) in zip(escalation.open, share.predictions) {
            answers[item.index] = Answer(
                label: prediction.label, confidence: prediction.confidence, decidedBy: .full,
                model: model.description)
        }
        return answers
    }

    /// The full model's own row is in the ledger already.
    func outcome(_ answers: [Answer?]) -> Outcome {
        Outcome(
            step: escalation.step, route: escalation.route, state: .answered, answers: answers,
            attempts: escalation.attempts)
    }
}
