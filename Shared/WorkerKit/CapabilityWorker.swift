import Contracts
import Delivery
import Inference
import Lifecycle
import MessageBus
import Runtime

/// The service of one capability's small model: stateless, so it scales out by starting more of it, up to the number of
/// partitions of its topic.
public struct CapabilityWorker: Service {
    private let loop: DeliveryLoop<StepHandler>

    /// Loads the model; the full model's card too, to say what the full model would have consumed.
    /// - Parameter tail: brings what was cancelled and what is certified.
    /// - Throws: `ArtifactError`
    public init(
        _ settings: WorkerSettings, _ context: RuntimeContext, consumer: any MessageConsumer,
        producer: any MessageProducer, tail: Tail
    ) throws {
        let readiness = context.health.check("delivery")
        let routes = Route.requestable.filter { $0.capability == settings.capability }
        let classifier = try EncoderClassifier(directory: settings.model, answering: routes)
        let counterfactual = try Counterfactual(fullModelDirectory: settings.fullModel)
        let handler = StepHandler(
            service: settings.service, classifier: classifier,
            certificates: CertificateTail(
                routes: routes, small: classifier.identity, full: counterfactual.identity, tail: tail,
                logger: context.logger, metrics: context.metrics),
            counterfactual: counterfactual, metrics: context.metrics, cancellations: CancellationTail(tail: tail))
        loop = DeliveryLoop(
            service: settings.service, consumer: consumer, producer: producer, handler: handler,
            logger: context.logger, metrics: context.metrics, onReadiness: readiness.set)
    }

    public func run() async throws { try await loop.run() }
}
