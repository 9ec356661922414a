import Contracts
import Delivery
import Inference
import MessageBus
import Planning
import Telemetry

/// Handles a batch of steps in a capability worker: answers the items that the model is sure of, and escalates the
/// others.
///
/// - Consumes: `winnow.steps.<capability>.v1`, or the bulk lane's
/// - Produces: `winnow.shadows.v1` for a sample of the sure answers; in the same lane `winnow.outcomes.v1` if the model
///   is sure of every item, otherwise `winnow.escalations.v1`
public struct StepHandler: BatchHandler {
    private let source: EventSource
    private let classifier: any Classifier
    private let certificates: any Certificates
    private let counterfactual: Counterfactual
    private let draw: ShadowDraw
    private let metrics: AnswerMetrics
    private let triage: StepTriage<StepCommand>
    private let cancellations: any Cancellations
    private let gate: LaneGate?

    /// - Parameter gate: the point at which the bulk lane yields to the interactive lane.
    public init(
        service: String, classifier: any Classifier, certificates: any Certificates, counterfactual: Counterfactual,
        draw: ShadowDraw = ShadowDraw(0), metrics: Metrics, cancellations: any Cancellations = NoCancellations(),
        gate: LaneGate? = nil
    ) {
        source = EventSource(service: service)
        self.classifier = classifier
        self.certificates = certificates
        self.counterfactual = counterfactual
        self.draw = draw
        self.metrics = AnswerMetrics(metrics)
        triage = StepTriage(
            source: source, routes: classifier.routes, unknownRoute: "no model here answers this task",
            cancellations: cancellations, metrics: metrics)
        self.cancellations = cancellations
        self.gate = gate
    }

    public func prepare() async {
        await cancellations.prepare()
        await certificates.prepare()
    }

    public func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        let (work, settled) = triage.sort(records)
        var emitted = settled
        do {
            let shares = try await BatchClassification.run(
                work.map { .init(route: $0.message.route, texts: $0.message.items) }, on: classifier, gate: gate)
            for (step, share) in zip(work, shares) {
                switch share {
                case .success(let share): emitted += decide(step.message, share, step.event)
                case .failure(let error): emitted.append(giveUp(step.message, error, step.event))
                }
            }
        } catch let error as InferenceError where work.allSatisfy({ $0.delivery > 1 }) {
            // These steps came back from the retry topic. Retrying them once more would delay others, so the full model
            // answers.
            for step in work { emitted.append(giveUp(step.message, error, step.event)) }
        }
        return emitted
    }

    /// If the small model fails, the full model answers.
    private func giveUp(_ command: StepCommand, _ error: InferenceError, _ event: StepEvent) -> OutgoingRecord {
        let model = classifier.identity(of: command.route)
        let attempt = Attempt(
            number: 1, kind: .worker, state: .failed, model: model.name, version: model.version,
            items: command.items.count, usage: .zero, durationMicros: 0,
            startedAt: .now, error: error.code.rawValue)
        metrics.answered(0, escalated: command.items.count)
        let none = command.items.map { _ in nil as Answer? }
        return escalation(of: command, none, none, attempt, event)
    }

    private func decide(
        _ command: StepCommand, _ share: BatchClassification.Share, _ event: StepEvent
    ) -> [OutgoingRecord] {
        let model = classifier.identity(of: command.route)
        let certificate = certificates.certificate(command.route, for: event.tenant)
        let guesses = share.predictions.map { prediction in
            Answer(
                .label(prediction.label), confidence: prediction.confidence, decidedBy: .worker,
                model: model.description, isTruncated: prediction.isTruncated)
        }
        let answers = zip(guesses, share.predictions).map { guess, prediction -> Answer? in
            guard let certificate, prediction.certainty >= certificate.acceptThreshold else { return nil }
            return guess
        }
        let attempt = Attempt(
            number: 1, kind: .worker, model: model.name, version: model.version, items: command.items.count,
            usage: share.usage, durationMicros: share.durationMicros, startedAt: share.startedAt,
            counterfactual: counterfactual.usage(of: share.predictions, route: command.route))
        let open = answers.indices.filter { answers[$0] == nil }
        metrics.answered(answers.count - open.count, escalated: open.count)
        let checks = certificate.map { check(command, answers, $0, attempt, event) } ?? []
        guard open.isEmpty else { return [escalation(of: command, answers, guesses, attempt, event)] + checks }
        let outcome = Outcome(
            step: command.step, route: command.route, state: .answered, answers: answers, attempts: [attempt])
        return [source.outcome(outcome, of: event)] + checks
    }

    /// Draws the sample of the answered items that the full model is to answer too.
    /// - Returns: one record with the drawn items; empty if none was drawn.
    private func check(
        _ command: StepCommand, _ answers: [Answer?], _ certificate: Certificate, _ attempt: Attempt, _ event: StepEvent
    ) -> [OutgoingRecord] {
        let given = zip(command.items, answers).enumerated().compactMap { index, item in
            item.1.map { Shadow.Item(index: index, text: item.0, output: $0.output, confidence: $0.confidence) }
        }
        guard
            let shadow = draw.shadow(
                of: given, step: command.step, route: command.route, by: classifier.identity(of: command.route),
                under: certificate, at: attempt.startedAt)
        else { return [] }
        metrics.shadowed.increment(by: shadow.items.count)
        return [source.shadow(shadow, of: event)]
    }

    private func escalation(
        of command: StepCommand, _ answers: [Answer?], _ guesses: [Answer?], _ attempt: Attempt, _ event: StepEvent
    ) -> OutgoingRecord {
        let open = answers.indices.filter { answers[$0] == nil }
        let escalation = Escalation(
            step: command.step, route: command.route,
            open: open.map { .init(index: $0, text: command.items[$0], guess: guesses[$0]) },
            answers: answers, attempts: [attempt], catalogVersion: command.catalogVersion)
        return source.escalation(escalation, of: event)
    }
}
