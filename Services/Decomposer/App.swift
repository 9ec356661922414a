import CatalogFeed
import Contracts
import Delivery
import Inference
import Instances
import KafkaBus
import Planning
import PostgresStore
import Runtime
import Signing
import WorkerKit

/// Accepts requests, tenant by tenant in turn, and plans their steps.
///
/// - Consumes: `winnow.requests.v1`, `winnow.requests.<tenant>.v1` and `winnow.retried-requests.v1` of both lanes;
///   requests that wait in Postgres
/// - Produces: in a request's lane `winnow.steps.*`, `winnow.escalations.v1`; `winnow.results.v1`
@main enum App {
    static let service = "decomposer"

    static func main() async {
        await Runtime.run(service, "Accepts requests, and plans the steps of each.") { context in
            let kafka = try KafkaSettings(from: &context.settings)
            let models = ModelSettings(&context.settings)
            let postgres = try PostgresSettings(from: &context.settings)
            let fullModel = try ModelCard.load(directory: models.fullModel)
            let counterfactual = Counterfactual(fullModel)
            // One connection for each loop: admitted requests do not wait for a batch from the topic, nor one lane for
            // the other.
            let requests = RequestMetrics(context.metrics)
            let queue = PostgresStore(postgres, onFinal: requests.observe)
            let bulkQueue = PostgresStore(postgres, onFinal: requests.observe)
            let (logger, metrics) = (context.logger, context.metrics)
            let signing = try RecordSigning(&context.settings, logger: logger, metrics: metrics)
            let producer = signing.signing(try KafkaProducer(settings: kafka, logger: logger, metrics: metrics))
            let intake = try IntakeSettings(&context.settings)
            let open = KafkaReader.opening(settings: kafka, logger: logger, metrics: metrics)
            let follower = TopicFollower(signing: signing, logger: logger, open: open)
            let heartbeat = try Heartbeat(&context, service: service, producer: producer, follower: follower)
            let catalog = try await CatalogFeed.live(follower: follower, signing: signing, logger: logger, open: open)
            let router = try ItemReader(directory: models.router, catalog: catalog.current)
            let gate = LaneGate()
            // One planner for each lane, shared by topic and intake: each has its own workspace of the router.
            let planner = Planner(
                router: LiveRouter(router, logger: logger).following, counterfactual: counterfactual, metrics: metrics)
            let bulkPlanner = Planner(
                router: LiveRouter(router, logger: logger).following, counterfactual: counterfactual, metrics: metrics,
                gate: gate)
            let ownTopics = OwnTopics(register: PostgresStore(postgres), logger: logger)
            return [
                heartbeat, follower, ownTopics,
                try LaneLoops(
                    service: service, gate: gate, producer: producer, logger: logger, metrics: metrics,
                    health: context.health,
                    consumer: { lane in
                        let consumer = try KafkaConsumer(
                            settings: kafka, lane: lane, group: ConsumerGroup.name(of: lane.loop(of: service)),
                            topics: OwnTopics.shared(lane), logger: logger, metrics: metrics)
                        ownTopics.keep(consumer, in: lane)
                        return heartbeat.governing(consumer)
                    },
                    handler: { lane, _ in
                        let store = PostgresStore(postgres, onFinal: requests.observe)
                        return RequestHandler(
                            service: lane.loop(of: service), planner: lane == .bulk ? bulkPlanner : planner,
                            store: store,
                            admission: AdmissionControl(queue: store, lane: lane, settings: intake, metrics: metrics),
                            ownTopics: ownTopics, fullModel: fullModel.name, catalog: catalog)
                    }),
                try LaneLoops(
                    service: service, name: "intake", gate: gate, producer: producer, logger: logger, metrics: metrics,
                    health: context.health,
                    consumer: { lane in
                        heartbeat.governing(
                            Intake(
                                queue: lane == .bulk ? bulkQueue : queue, lane: lane, settings: intake, logger: logger))
                    },
                    handler: { lane, _ in
                        RequestHandler(
                            service: lane.loop(of: service), planner: lane == .bulk ? bulkPlanner : planner,
                            store: lane == .bulk ? bulkQueue : queue, admission: nil, ownTopics: ownTopics,
                            fullModel: fullModel.name, catalog: catalog)
                    }),
                Probe(onReadiness: context.health.check("postgres").set) { [store = PostgresStore(postgres)] in
                    try await store.ping()
                },
            ]
        }
    }
}
