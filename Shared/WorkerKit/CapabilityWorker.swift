import Contracts
import Delivery
import Inference
import Lifecycle
import MessageBus
import Runtime
import Signing

/// The service of one capability's small model: stateless, so it scales out by starting more of it, up to the number of
/// partitions of its topic.
public struct CapabilityWorker: Service {
    private let loops: LaneLoops<StepHandler>
    private let certificates: CertificateTail

    /// Loads the model; the full model's card too, to say what the full model would have consumed.
    /// - Parameters:
    ///   - tail: brings what was cancelled and what is certified.
    ///   - signing: its key decides which texts are compared with the full model.
    /// - Throws: `ArtifactError`, `InferenceError`; whatever `consumer` throws.
    public init(
        _ settings: WorkerSettings, _ context: RuntimeContext, producer: any MessageProducer, tail: Tail,
        signing: RecordSigning, consumer: (Lane) throws -> any MessageConsumer
    ) throws {
        let routes = Route.requestable.filter { $0.capability == settings.capability }
        let model = try EncoderClassifier(directory: settings.model, answering: routes)
        let counterfactual = try Counterfactual(fullModelDirectory: settings.fullModel)
        let cancellations = CancellationTail(tail: tail)
        let certificates = CertificateTail(
            routes: routes, small: model.identity, full: counterfactual.identity, tail: tail, logger: context.logger,
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
