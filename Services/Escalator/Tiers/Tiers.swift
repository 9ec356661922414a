import Contracts
import Delivery
import Inference
import ModelEndpoint
import Models
import Store
import Telemetry
import WorkerKit

/// What the tiers before the full models need, in both lanes alike: their certificates, and what the full models alone
/// would consume.
struct Tiers: Sendable {
    private let middle: CertificateFollower
    private let small: CertificateFollower
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
        let smalls = full.smallEndpoints
        let known = try KnownFullModels(of: Array(Set(middles.keys).union(smalls.keys)), catalog, settings)
        func follower(_ identities: [Route: ModelIdentity], _ tier: Answer.DecidedBy) -> CertificateFollower {
            let pairs = identities.reduce(into: [Route: ModelPair]()) { pairs, member in
                pairs[member.key] = known.identities[member.key].map {
                    ModelPair(small: member.value, full: $0, judge: catalog.judge(of: member.key))
                }
            }
            return CertificateFollower(
                models: pairs, tier: tier, published: published, logger: logger, metrics: metrics)
        }
        middle = follower(
            Dictionary(uniqueKeysWithValues: middles.map { ($0.key, $0.value.identity(of: $0.key)) }), .middle)
        small = follower(smalls.mapValues(\.identity), .worker)
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

    /// - Returns: `nil` if no small model is an endpoint.
    func small(
        _ full: FullModels, service: String, ledger: EndpointLedger, prices: PriceBook, catalog: LiveCatalog
    ) -> SmallEndpoints? {
        full.smallEndpoints.isEmpty
            ? nil
            : SmallEndpoints(
                service: service, endpoints: full.smallEndpoints, certificates: small, counterfactual: counterfactual,
                draw: draw, metrics: metrics, ledger: ledger, prices: prices, catalog: catalog)
    }
}
