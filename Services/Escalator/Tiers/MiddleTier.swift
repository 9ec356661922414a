import Contracts
import Delivery
import Inference
import MessageBus
import Planning
import Telemetry
import WorkerKit

/// Answers open items with the middle model of their task, as far as its certificate allows, so that the full model is
/// asked only about the others.
///
/// The middle model is an encoder in this process and costs milliseconds. Its call is no reservation but an attempt that
/// the outcome carries, like the worker's: a redelivery computes it again and writes the same row. Without a valid
/// certificate it is not computed at all.
/// - Source: infra/decisions/0056-tiers.md
struct MiddleTier: Sendable {
    /// The number of its row. The worker's is 1.
    static let number = 2

    /// A step without the items that the middle model has answered.
    struct Reduced: Sendable {
        let step: EscalatedStep
        /// The accepted answers that are compared in the background; `nil` if none was drawn.
        var shadow: OutgoingRecord?
    }

    private let source: EventSource
    private let classifier: any Classifier
    private let routes: Set<Route>
    private let certificates: any Certificates
    private let counterfactual: Counterfactual
    private let draw: ShadowDraw
    private let shadowed: Counter
    private let gate: LaneGate?

    /// - Parameters:
    ///   - models: the middle models by route.
    ///   - certificates: those of the middle models against the full ones.
    ///   - counterfactual: what the full models alone would consume.
    ///   - gate: the point at which the bulk lane yields to the interactive lane.
    /// - Returns: `nil` if there are no models.
    init?(
        service: String, models: [Route: any Classifier], certificates: any Certificates,
        counterfactual: Counterfactual, draw: ShadowDraw, metrics: Metrics, gate: LaneGate? = nil
    ) {
        guard let first = models.values.first else { return nil }
        source = EventSource(service: service)
        classifier = ClassifierSet(first, models)
        routes = Set(models.keys)
        self.certificates = certificates
        self.counterfactual = counterfactual
        self.draw = draw
        shadowed = AnswerMetrics(metrics).shadowed
        self.gate = gate
    }

    func prepare() async { await certificates.prepare() }

    /// - Returns: the steps in order.
    func answer(_ steps: [EscalatedStep]) async throws -> [Reduced] {
        let certified = steps.indices.compactMap { place in
            certificate(for: steps[place]).map { (place: place, certificate: $0) }
        }
        var results = steps.map { Reduced(step: $0) }
        guard !certified.isEmpty else { return results }
        let groups = certified.map { steps[$0.place].group(of: steps[$0.place].openForEarlierTiers) }
        let shares: [Result<BatchClassification.Share, InferenceError>]
        do {
            shares = try await BatchClassification.run(groups, on: classifier, gate: gate)
        } catch let error as InferenceError {
            // The full model answers what the middle one cannot.
            shares = groups.map { _ in .failure(error) }
        }
        for ((place, certificate), share) in zip(certified, shares) {
            switch share {
            case .success(let share): results[place] = decide(steps[place], share, certificate)
            case .failure(let error): results[place] = giveUp(steps[place], error)
            }
        }
        return results
    }

    /// Whether it is asked about the step at all.
    func mayAnswer(_ step: EscalatedStep) -> Bool { certificate(for: step) != nil }

    private func certificate(for step: EscalatedStep) -> Certificate? {
        guard routes.contains(step.escalation.route), !step.openForEarlierTiers.isEmpty else { return nil }
        return certificates.certificate(step.escalation.route, for: step.event.tenant)
    }

    private func decide(
        _ step: EscalatedStep, _ share: BatchClassification.Share, _ certificate: Certificate
    ) -> Reduced {
        let route = step.escalation.route, model = classifier.identity(of: route)
        var said: [Int: Answer] = [:], accepted: [Int: Answer] = [:], counted: [Prediction] = []
        let asked = step.openForEarlierTiers
        for (item, prediction) in zip(asked, share.predictions) {
            let answer = Answer(
                .label(prediction.label), confidence: prediction.confidence, decidedBy: .middle,
                model: model.description, isTruncated: prediction.isTruncated,
                isUnfamiliar: prediction.isUnfamiliar)
            said[item.index] = answer
            guard prediction.certainty >= certificate.acceptThreshold else { continue }
            accepted[item.index] = answer
            // The worker's attempt counts what the full model alone would have cost, for all items of the step.
            if step.hasNoWorkersAttempt { counted.append(prediction) }
        }
        let attempt = Attempt(
            number: Self.number, kind: .middle, model: model.name, version: model.version,
            items: asked.count, usage: share.usage, durationMicros: share.durationMicros,
            startedAt: share.startedAt, counterfactual: counterfactual.usage(of: counted, route: route))
        let shadow = step.shadow(draw, of: accepted, by: model, under: certificate, at: share.startedAt)
        shadowed.increment(by: shadow?.items.count ?? 0)
        return Reduced(
            step: step.after(accepting: accepted, of: said, attempt: attempt),
            shadow: shadow.map { source.shadow($0, of: step.event, tier: .middle) })
    }

    private func giveUp(_ step: EscalatedStep, _ error: InferenceError) -> Reduced {
        let model = classifier.identity(of: step.escalation.route)
        let attempt = Attempt(
            number: Self.number, kind: .middle, state: .failed, model: model.name, version: model.version,
            items: step.openForEarlierTiers.count, usage: .zero, durationMicros: 0, startedAt: .now,
            error: error.code.rawValue)
        return Reduced(step: step.after(accepting: [:], of: [:], attempt: attempt))
    }
}
