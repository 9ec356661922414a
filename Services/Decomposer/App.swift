import Contracts
import Delivery
import Inference
import Instances
import KafkaBus
import PostgresStore
import Runtime
import WorkerKit

/// Accepts requests, tenant by tenant in turn, and decides which steps they take.
///
/// - Consumes: `winnow.requests.v1`; requests that wait in Postgres
/// - Produces: `winnow.steps.*`, `winnow.escalations.v1`, `winnow.results.v1`
@main enum App {
    static let service = "decomposer"

    static func main() async {
        await Runtime.run(service) { context in
            let kafka = try KafkaSettings(from: &context.settings)
            let models = ModelSettings(&context.settings)
            let postgres = try PostgresSettings(from: &context.settings)
            // Connections of their own: what has its turn must not wait for a batch from the topic, nor the other way round.
            let (store, queue) = (PostgresStore(postgres), PostgresStore(postgres))
            let counterfactual = try Counterfactual(fullModelDirectory: models.fullModel)
            let splitter = try Splitter(directory: models.splitter)
            let planner = Planner(
                segmenter: Segmenter { splitter.split($0) },
                router: try EncoderClassifier(directory: models.router, answering: [.decomposition]),
                counterfactual: counterfactual)
            let readiness = context.health.check("delivery")
            let producer = try KafkaProducer(settings: kafka, logger: context.logger, metrics: context.metrics)
            let intake = try IntakeSettings(&context.settings)
            let (logger, metrics) = (context.logger, context.metrics)
            let tail = Tail(
                logger: logger, open: KafkaReader.opening(settings: kafka, logger: logger, metrics: metrics))
            let presence = try Presence(&context, service: service, producer: producer, tail: tail)
            return [
                presence, tail,
                DeliveryLoop(
                    service: service,
                    consumer: presence.governing(
                        try KafkaConsumer(
                            settings: kafka, group: ConsumerGroup.name(of: service), topics: [Topic.requests],
                            logger: logger, metrics: metrics)),
                    producer: producer,
                    handler: RequestHandler(
                        service: service, planner: planner, store: store,
                        door: Door(queue: store, settings: intake, metrics: metrics),
                        fullModel: counterfactual.model),
                    logger: logger, metrics: metrics, onReadiness: readiness.set),
                DeliveryLoop(
                    service: service,
                    consumer: presence.governing(Intake(queue: queue, settings: intake, logger: logger)),
                    producer: producer,
                    handler: RequestHandler(
                        service: service, planner: planner, store: queue, door: nil, fullModel: counterfactual.model),
                    logger: logger, metrics: metrics, onReadiness: context.health.check("intake").set),
                Probe(onReadiness: context.health.check("postgres").set) { [store = PostgresStore(postgres)] in
                    try await store.ping()
                },
            ]
        }
    }
}
