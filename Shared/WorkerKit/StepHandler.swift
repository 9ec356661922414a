import Contracts
import Delivery
import Inference
import Languages
import MessageBus
import Planning
import Telemetry

/// Handles a batch of steps in a capability worker: answers the items that the model is sure of, and escalates the
/// others. The model is not asked about items in a language that it was not cut for.
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
    private let languages: LanguageMetrics
    private let catalog: Catalog
    private let triage: StepTriage<StepCommand>
    private let cancellations: any Cancellations
    private let gate: LaneGate?

    /// What is done with a step, item by item.
    private struct Work: Sendable {
        let event: StepEvent
        let command: StepCommand
        let verdicts: [LanguageVerdict]
        /// The items that the model is asked about.
        let group: BatchClassification.Group

        init(_ accepted: StepTriage<StepCommand>.Accepted, _ catalog: Catalog) {
            event = accepted.event
            command = accepted.message
            verdicts = catalog.languageVerdicts(on: command.items, of: command.route)
            group = .init(
                route: command.route, texts: zip(command.items, verdicts).filter { $0.1 == .proceed }.map(\.0))
        }
    }

    /// - Parameters:
    ///   - catalog: says which languages the model was cut for.
    ///   - gate: the point at which the bulk lane yields to the interactive lane.
    public init(
        service: String, classifier: any Classifier, certificates: any Certificates, counterfactual: Counterfactual,
        draw: ShadowDraw = ShadowDraw(0), catalog: Catalog, metrics: Metrics,
        cancellations: any Cancellations = NoCancellations(), gate: LaneGate? = nil
    ) {
        source = EventSource(service: service)
        self.classifier = classifier
        self.certificates = certificates
        self.counterfactual = counterfactual
        self.draw = draw
        self.metrics = AnswerMetrics(metrics)
        languages = LanguageMetrics(metrics)
        self.catalog = catalog
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
        let (accepted, settled) = triage.sort(records)
        let steps = accepted.map { Work($0, catalog) }
        let asked = steps.filter { !$0.group.texts.isEmpty }
        var emitted = settled
        do {
            let shares = try await BatchClassification.run(asked.map(\.group), on: classifier, gate: gate)
            for (step, share) in zip(asked, shares) {
                switch share {
                case .success(let share): emitted += decide(step, share)
                case .failure(let error): emitted.append(giveUp(step, error))
                }
            }
        } catch let error as InferenceError where accepted.allSatisfy({ $0.delivery > 1 }) {
            // These steps came back from the retry topic. Retrying them once more would delay others, so the full model
            // answers.
            for step in asked { emitted.append(giveUp(step, error)) }
        }
        // Not before, since a batch that fails is handled again.
        for step in steps where step.group.texts.isEmpty { emitted.append(conclusion(of: step, [:], [:], nil)) }
        for step in steps { languages.count(step.verdicts.filter(\.isUnsupported), of: step.command.route.capability) }
        return emitted
    }

    /// If the small model fails, the full model answers.
    private func giveUp(_ step: Work, _ error: InferenceError) -> OutgoingRecord {
        let model = classifier.identity(of: step.command.route)
        let attempt = Attempt(
            number: 1, kind: .worker, state: .failed, model: model.name, version: model.version,
            items: step.group.texts.count, usage: .zero, durationMicros: 0,
            startedAt: .now, error: error.code.rawValue)
        return conclusion(of: step, [:], [:], attempt)
    }

    private func decide(_ step: Work, _ share: BatchClassification.Share) -> [OutgoingRecord] {
        let route = step.command.route, model = classifier.identity(of: route)
        let certificate = certificates.certificate(route, for: step.event.tenant)
        var guesses: [Int: Answer] = [:], answers: [Int: Answer] = [:]
        let places = step.verdicts.indices.filter { step.verdicts[$0] == .proceed }
        for (place, prediction) in zip(places, share.predictions) {
            let guess = Answer(
                .label(prediction.label), confidence: prediction.confidence, decidedBy: .worker,
                model: model.description, isTruncated: prediction.isTruncated,
                isUnfamiliar: prediction.isUnfamiliar)
            guesses[place] = guess
            if let certificate, prediction.certainty >= certificate.acceptThreshold { answers[place] = guess }
        }
        let attempt = Attempt(
            number: 1, kind: .worker, model: model.name, version: model.version, items: places.count,
            usage: share.usage, durationMicros: share.durationMicros, startedAt: share.startedAt,
            counterfactual: counterfactual.usage(of: share.predictions, route: route))
        let checks = certificate.map { check(step, answers, $0, attempt) } ?? []
        return [conclusion(of: step, answers, guesses, attempt)] + checks
    }

    /// Returns the outcome if every item has an answer, otherwise the escalation of the others.
    /// - Parameters:
    ///   - given: the answers that the model is sure of, by the place of the item.
    ///   - guesses: what the model said about each item, by the same place.
    ///   - attempt: `nil` if the model was asked about no item.
    private func conclusion(
        of step: Work, _ given: [Int: Answer], _ guesses: [Int: Answer], _ attempt: Attempt?
    ) -> OutgoingRecord {
        let command = step.command, attempts = attempt.map { [$0] } ?? []
        let answers = step.verdicts.enumerated().map { place, verdict -> Answer? in
            verdict.isUnsupported ? .inUnsupportedLanguage : given[place]
        }
        let open = answers.indices.filter { answers[$0] == nil }
        metrics.answered(given.count, escalated: open.count)
        guard open.isEmpty else {
            let escalation = Escalation(
                step: command.step, route: command.route,
                open: open.map { .init(index: $0, text: command.items[$0], guess: guesses[$0]) },
                answers: answers, attempts: attempts, catalogVersion: command.catalogVersion)
            return source.escalation(escalation, of: step.event)
        }
        let outcome = Outcome(
            step: command.step, route: command.route, state: .answered, answers: answers, attempts: attempts)
        return source.outcome(outcome, of: step.event)
    }

    /// Draws the sample of the answered items that the full model is to answer too.
    /// - Returns: one record with the drawn items; empty if none was drawn.
    private func check(
        _ step: Work, _ answers: [Int: Answer], _ certificate: Certificate, _ attempt: Attempt
    ) -> [OutgoingRecord] {
        let command = step.command
        let given = command.items.enumerated().compactMap { index, text in
            answers[index].map { Shadow.Item(index: index, text: text, output: $0.output, confidence: $0.confidence) }
        }
        guard
            let shadow = draw.shadow(
                of: given, step: command.step, route: command.route, by: classifier.identity(of: command.route),
                under: certificate, at: attempt.startedAt)
        else { return [] }
        metrics.shadowed.increment(by: shadow.items.count)
        return [source.shadow(shadow, of: step.event)]
    }
}
