import Contracts
import Delivery
import Inference
import Lifecycle
import MessageBus
import Runtime
import Settings
import Signing

/// The service of one capability's small model. It is stateless, so it scales out to as many instances as its topic has
/// partitions.
public struct CapabilityWorker: Service {
    private let loops: LaneLoops<CatalogHandler<StepHandler, Key>>
    private let certificates: PublishedCertificates

    /// What of a catalog the models depend on.
    private struct Key: Equatable, Sendable {
        let capability: CapabilityDescription?
        /// Their versions are those of full models.
        let endpoints: [EndpointDescription]

        init(_ capability: Capability, _ catalog: Catalog) {
            self.capability = catalog[capability]
            endpoints = catalog.endpoints
        }
    }

    /// The models of one version of the capability.
    private struct Models: Sendable {
        let small: EncoderClassifier
        let counterfactual: Counterfactual
        let certificates: CertificateFollower
    }

    /// Loads the model, and the full model's card and fingerprints, to compute what the full model would have consumed
    /// and to know its certificates.
    /// - Parameters:
    ///   - catalog: names the capability's models and tasks.
    ///   - follower: reads cancellations and certificates.
    ///   - signing: its key decides which texts are compared with the full model.
    /// - Throws: `ArtifactError`, `InferenceError`, and errors of `consumer`.
    public init(
        _ settings: WorkerSettings, _ context: RuntimeContext, catalog: LiveCatalog, producer: any MessageProducer,
        follower: TopicFollower, signing: RecordSigning, consumer: (Lane) throws -> any MessageConsumer
    ) throws {
        let (logger, metrics, capability) = (context.logger, context.metrics, settings.capability)
        let cancellations = CancellationFollower(follower: follower)
        let published = PublishedCertificates(follower)
        certificates = published
        let draw = ShadowDraw(settings.shadowRate, signing)
        let newest = Newest<Key, Models>()
        let models = { @Sendable (catalog: Catalog) throws -> Models in
            try newest.value(for: Key(capability, catalog)) {
                // The other tasks have no small model yet.
                let routes = catalog.routes(of: capability).filter(catalog.hasWorker)
                let small = try EncoderClassifier(
                    directory: settings.models.model(named: catalog.smallModel(of: capability) ?? ""),
                    catalog: catalog, answering: routes)
                let full = try KnownFullModels(of: routes, catalog, settings.models)
                let pairs = routes.reduce(into: [Route: ModelPair]()) { pairs, route in
                    pairs[route] = full.identities[route].map {
                        ModelPair(small: small.identity(of: route), full: $0)
                    }
                }
                let certificates = CertificateFollower(
                    models: pairs, published: published, logger: logger, metrics: metrics)
                return Models(
                    small: small, counterfactual: full.counterfactual,
                    certificates: certificates)
            }
        }
        loops = try LaneLoops(
            service: settings.service, producer: producer, logger: logger, metrics: metrics,
            health: context.health, consumer: consumer
        ) { lane, gate in
            try CatalogHandler(
                catalog, key: { Key(capability, $0) }, logger: logger,
                onReadiness: context.health.check("\(lane.loop(of: "models"))", initially: true).set
            ) { catalog in
                let models = try models(catalog)
                return StepHandler(
                    service: lane.loop(of: settings.service), classifier: try models.small.serving(lane),
                    certificates: models.certificates, counterfactual: models.counterfactual, draw: draw,
                    catalog: catalog, metrics: metrics, cancellations: cancellations, gate: gate)
            }
        }
    }

    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await certificates.run() }
            try await loops.run()
            group.cancelAll()
        }
    }
}

/// The settings of a capability worker.
public struct WorkerSettings: Sendable {
    public let capability: Capability
    public let service: String
    public let models: ModelSettings
    public let shadowRate: Double

    /// - Throws: `SettingsError`
    public init(_ reader: inout SettingsReader, capability: Capability) throws(SettingsError) {
        self.capability = capability
        service = "\(capability)-worker"
        models = ModelSettings(&reader)
        shadowRate = try ShadowDraw.rate(&reader)
    }

    public func topic(_ lane: Lane) -> String { Topic.steps(capability, lane) }

    public func group(_ lane: Lane) -> String { ConsumerGroup.name(of: lane.loop(of: service)) }
}

/// The location of the model artifacts.
public struct ModelSettings: Sendable {
    /// - Default: `infra/models`. Key: `WINNOW_MODELS_DIRECTORY`.
    public let directory: String

    public init(_ reader: inout SettingsReader) {
        directory = reader.string("WINNOW_MODELS_DIRECTORY", default: "infra/models")
    }

    /// The name of the full model that also routes items.
    public static let main = DecompositionDescription.encoder

    public var fullModel: String { model(named: Self.main) }
    public var router: String { model(named: "router") }

    public func model(named name: String) -> String { "\(directory)/\(name)" }
}

extension EncoderClassifier {
    /// Returns the model for a lane. The lanes share the weights, and their calls do not wait for each other.
    /// - Throws: `InferenceError`, never retriable.
    public func serving(_ lane: Lane) throws(InferenceError) -> EncoderClassifier {
        lane == .bulk ? try EncoderClassifier(sharing: self) : self
    }
}
