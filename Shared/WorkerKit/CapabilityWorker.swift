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
    private let loops: LaneLoops<StepHandler>
    private let certificates: CertificateFollower

    /// Loads the model, and the full model's card to compute what the full model would have consumed.
    /// - Parameters:
    ///   - follower: reads cancellations and certificates.
    ///   - signing: its key decides which texts are compared with the full model.
    /// - Throws: `ArtifactError`, `InferenceError`, and errors of `consumer`.
    public init(
        _ settings: WorkerSettings, _ context: RuntimeContext, producer: any MessageProducer, follower: TopicFollower,
        signing: RecordSigning, consumer: (Lane) throws -> any MessageConsumer
    ) throws {
        let routes = Route.requestable.filter { $0.capability == settings.capability }
        let model = try EncoderClassifier(directory: settings.model, answering: routes)
        let counterfactual = try Counterfactual(fullModelDirectory: settings.fullModel)
        let cancellations = CancellationFollower(follower: follower)
        let certificates = CertificateFollower(
            routes: routes, small: model.identity, full: counterfactual.identity, follower: follower,
            logger: context.logger,
            metrics: context.metrics)
        self.certificates = certificates
        let draw = ShadowDraw(settings.shadowRate, seed: signing.secret(for: "shadow draw"))
        loops = try LaneLoops(
            service: settings.service, producer: producer, logger: context.logger, metrics: context.metrics,
            health: context.health, consumer: consumer
        ) { lane, gate in
            StepHandler(
                service: lane.loop(of: settings.service), classifier: try model.serving(lane),
                certificates: certificates, counterfactual: counterfactual, draw: draw,
                metrics: context.metrics,
                cancellations: cancellations, gate: gate)
        }
    }

    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await certificates.watch() }
            try await loops.run()
            group.cancelAll()
        }
    }
}

/// The settings of a capability worker.
public struct WorkerSettings: Sendable {
    public let capability: Capability
    public let service: String
    public let model: String
    public let fullModel: String
    /// The share of answered items that the full model answers too, for comparison.
    /// - Default: 0.01. Key: `WINNOW_SHADOW_RATE`. With 0 no drift is noticed.
    public let shadowRate: Double

    /// - Throws: `SettingsError`
    public init(_ reader: inout SettingsReader, capability: Capability) throws(SettingsError) {
        let models = ModelSettings(&reader)
        self.capability = capability
        service = "\(capability)-worker"
        model = models.model(of: capability)
        fullModel = models.fullModel
        shadowRate = try reader.number("WINNOW_SHADOW_RATE", default: 0.01, in: 0...1)
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

    public var fullModel: String { directory + "/full" }
    public var router: String { directory + "/router" }
    public var splitter: String { directory + "/splitter" }

    public func model(of capability: Capability) -> String { "\(directory)/\(capability)" }
}

extension EncoderClassifier {
    /// Returns the model for a lane. The lanes share the weights, and their calls do not wait for each other.
    /// - Throws: `InferenceError`, never retriable.
    public func serving(_ lane: Lane) throws(InferenceError) -> EncoderClassifier {
        lane == .bulk ? try EncoderClassifier(sharing: self) : self
    }
}
