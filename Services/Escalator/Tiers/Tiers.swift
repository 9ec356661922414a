import Contracts
import Delivery
import Inference
import ModelEndpoint
import Telemetry
import WorkerKit

/// What the tiers before the full models need, in both lanes alike: their certificates, and what the full models alone
/// would consume.
struct Tiers: Sendable {
    private let middle: CertificateFollower
    private let counterfactual: Counterfactual
    private let draw: ShadowDraw
    private let metrics: Metrics

    /// - Parameter draw: decides which accepted answers are compared with the full model's.
    /// - Throws: `ArtifactError`, `InferenceError`
    init(
        of catalog: Catalog, _ full: FullModels, _ settings: ModelSettings, _ published: PublishedCertificates,
        draw: ShadowDraw, logger: Logger, metrics: Metrics
    ) throws {
        let middles = try full.middles(serving: .interactive)
        let known = try KnownFullModels(of: Array(middles.keys), catalog, settings)
        let pairs = middles.reduce(into: [Route: ModelPair]()) { pairs, middle in
            let (route, model) = middle
            pairs[route] = known.identities[route].map { ModelPair(small: model.identity(of: route), full: $0) }
        }
        self.middle = CertificateFollower(
            models: pairs, tier: .middle, published: published, logger: logger, metrics: metrics)
        counterfactual = known.counterfactual
        self.draw = draw
        self.metrics = metrics
    }

    /// - Returns: `nil` if no task has a middle model.
    /// - Throws: `InferenceError`, never retriable.
    func middle(
        _ full: FullModels, service: String, _ lane: Lane, gate: LaneGate?
    ) throws(InferenceError) -> MiddleTier? {
        MiddleTier(
            service: service, models: try full.middles(serving: lane), certificates: middle,
            counterfactual: counterfactual, draw: draw, metrics: metrics, gate: gate)
    }
}
