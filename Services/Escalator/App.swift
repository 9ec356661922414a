import Contracts
import Delivery
import Inference
import Instances
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
            let (logger, metrics) = (context.logger, context.metrics)
            let producer = try KafkaProducer(settings: kafka, logger: logger, metrics: metrics)
            let tail = Tail(
                logger: logger, open: KafkaReader.opening(settings: kafka, logger: logger, metrics: metrics))
            let presence = try Presence(&context, service: service, producer: producer, tail: tail)
            return [
                presence, tail,
                DeliveryLoop(
                    service: service,
                    consumer: presence.governing(
                        try KafkaConsumer(
                            settings: kafka, group: ConsumerGroup.name(of: service), topics: [Topic.escalations],
                            maxBatch: mostSteps, logger: logger, metrics: metrics)),
                    producer: producer,
                    handler: EscalationHandler(
                        service: service, classifier: model, ledger: store, prices: PriceBook(store: store),
                        metrics: metrics, cancellations: CancellationTail(tail: tail)),
                    logger: logger, metrics: metrics, onReadiness: readiness.set),
                Probe(onReadiness: context.health.check("postgres").set) { [store = PostgresStore(postgres)] in
                    try await store.ping()
                },
            ]
        }
    }
}
