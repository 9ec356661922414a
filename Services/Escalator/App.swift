import Contracts
import Delivery
import Inference
import KafkaBus
import PostgresStore
import Runtime
import WorkerKit

/// The full model, for the steps whose small model was not sure.
///
/// - Consumes: `winnow.escalations.v1`, `winnow.cancellations.v1`
/// - Produces: `winnow.outcomes.v1`
@main enum App {
    static let service = "escalator"
    /// A step costs milliseconds here: small batches keep the wait of the first one short.
    static let mostSteps = 32

    static func main() async {
        await Runtime.run(service) { context in
            let kafka = try KafkaSettings(from: &context.settings)
            let models = ModelSettings(&context.settings)
            let postgres = try PostgresSettings(from: &context.settings)
            let store = PostgresStore(postgres)
            let model = try EncoderClassifier(
                directory: models.fullModel, answering: Route.requestable + [.decomposition])
            let readiness = context.health.check("delivery")
            let cancellations = CancellationTail(logger: context.logger) {
                [logger = context.logger, metrics = context.metrics] in
                try await KafkaReader(
                    settings: kafka.unhurried, topic: Topic.cancellations, from: .beginning, logger: logger,
                    metrics: metrics)
            }
            return [
                cancellations,
                DeliveryLoop(
                    service: service,
                    consumer: try KafkaConsumer(
                        settings: kafka, group: ConsumerGroup.name(of: service), topics: [Topic.escalations],
                        maxBatch: mostSteps, logger: context.logger, metrics: context.metrics),
                    producer: try KafkaProducer(settings: kafka, logger: context.logger, metrics: context.metrics),
                    handler: EscalationHandler(
                        service: service, classifier: model, ledger: store, prices: PriceBook(store: store),
                        metrics: context.metrics, cancellations: cancellations),
                    logger: context.logger, metrics: context.metrics, onReadiness: readiness.set),
                Probe(onReadiness: context.health.check("postgres").set) { [store = PostgresStore(postgres)] in
                    try await store.ping()
                },
            ]
        }
    }
}
