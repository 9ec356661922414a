import Contracts
import Delivery
import Inference
import Instances
import KafkaBus
import PostgresStore
import Runtime
import WorkerKit

/// Accepts requests and decides which steps they take.
///
/// - Consumes: `winnow.requests.v1` of both lanes; submissions that wait in Postgres
/// - Produces: in a request's lane `winnow.requests.v1` from those, `winnow.steps.*`, `winnow.escalations.v1`;
///   `winnow.results.v1`
@main enum App {
    static let service = "decomposer"

    static func main() async {
        await Runtime.run(service) { context in
            let kafka = try KafkaSettings(from: &context.settings)
            let models = ModelSettings(&context.settings)
            let postgres = try PostgresSettings(from: &context.settings)
            let counterfactual = try Counterfactual(fullModelDirectory: models.fullModel)
            let splitter = try Splitter(directory: models.splitter)
            let router = try EncoderClassifier(directory: models.router, answering: [.decomposition])
            let producer = try KafkaProducer(settings: kafka, logger: context.logger, metrics: context.metrics)
            let intake = try IntakeSettings(&context.settings)
            let (logger, metrics) = (context.logger, context.metrics)
            let presence = try Presence(
                &context, service: service, producer: producer,
                controls: KafkaReader.opening(
                    Topic.controls, from: .time(.now), settings: kafka, logger: logger, metrics: metrics))
            return [
                presence,
                try LaneLoops(
                    service: service, producer: producer, logger: logger, metrics: metrics, health: context.health,
                    consumer: { lane in
                        presence.governing(
                            try KafkaConsumer(
                                settings: kafka, lane: lane, group: ConsumerGroup.name(of: lane.loop(of: service)),
                                topics: [Topic.requests(lane)], logger: logger, metrics: metrics))
                    },
                    handler: { lane, gate in
                        let store = PostgresStore(postgres)
                        return RequestHandler(
                            service: lane.loop(of: service),
                            planner: Planner(
                                segmenter: Segmenter { splitter.split($0) }, router: try router.serving(lane),
                                counterfactual: counterfactual, gate: gate),
                            store: store, fullModel: counterfactual.model,
                            admission: lane == .bulk ? Admission(store: store, window: intake.bulkWindow) : nil)
                    }),
                Probe(onReadiness: context.health.check("postgres").set) { [store = PostgresStore(postgres)] in
                    try await store.ping()
                },
                // On a connection of its own: it must not wait for a batch that is being accepted.
                Intake(
                    queue: PostgresStore(postgres), producer: producer, settings: intake, logger: logger),
            ]
        }
    }
}
