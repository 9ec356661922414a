import CatalogFeed
import Contracts
import Delivery
import Instances
import KafkaBus
import Planning
import PostgresStore
import Runtime
import Settings
import Signing
import Store

/// Owns the state of requests after decomposition: it settles steps, dispatches the steps that depended on them, and
/// sends results. One aggregator runs the keeper, which does the jobs that must run once: cancelling, expiring,
/// re-driving and others.
///
/// - Consumes: `winnow.outcomes.v1` of both lanes, `winnow.retries.v1`, `winnow.heartbeats.v1`
/// - Produces: `winnow.results.v1`, `winnow.cancellations.v1`; in a request's lane `winnow.steps.*`,
///   `winnow.escalations.v1`; records to deliver again, to the topics that they came from
@main enum App {
    static let service = "aggregator"

    static func main() async {
        await Runtime.run(service, "Turns the outcomes of steps into results, and keeps the state of requests.") {
            context in
            let kafka = try KafkaSettings(from: &context.settings)
            let postgres = try PostgresSettings(from: &context.settings)
            let keeper = try KeeperSettings(&context.settings)
            let retention = try Retention(&context.settings)
            // The name that the full model has in the price list. Default: full. Key: WINNOW_FULL_MODEL.
            let fullModel = context.settings.string("WINNOW_FULL_MODEL", default: "full")
            let (logger, metrics) = (context.logger, context.metrics)
            let requests = RequestMetrics(metrics)
            let signing = try RecordSigning(&context.settings, logger: logger, metrics: metrics)
            let producer = signing.signing(try KafkaProducer(settings: kafka, logger: logger, metrics: metrics))
            let follower = TopicFollower(
                signing: signing, logger: logger,
                open: KafkaReader.opening(settings: kafka, logger: logger, metrics: metrics))
            let heartbeat = try Heartbeat(&context, service: service, producer: producer, follower: follower)
            let catalog = try await CatalogFeed.live(from: PostgresStore(postgres), follower: follower, logger: logger)
            return [
                heartbeat, follower,
                // Not registered with `heartbeat.governing`, so a drain does not stop it: the only aggregator must
                // still record heartbeats, its own among them, when it is drained.
                DeliveryLoop(
                    service: HeartbeatHandler.service,
                    consumer: try KafkaConsumer(
                        settings: kafka.lowPriority, group: ConsumerGroup.name(of: HeartbeatHandler.service),
                        topics: [Topic.heartbeats], logger: logger, metrics: metrics),
                    producer: producer, handler: HeartbeatHandler(register: PostgresStore(postgres), signing: signing),
                    logger: logger, metrics: metrics, onReadiness: context.health.check("heartbeats").set),
                try LaneLoops(
                    service: service, producer: producer, logger: logger, metrics: metrics,
                    health: context.health,
                    consumer: { lane in
                        heartbeat.governing(
                            try KafkaConsumer(
                                settings: kafka, lane: lane, group: ConsumerGroup.name(of: lane.loop(of: service)),
                                topics: [Topic.outcomes(lane)], logger: logger, metrics: metrics))
                    },
                    handler: { lane, _ in
                        OutcomeHandler(
                            service: lane.loop(of: service),
                            store: PostgresStore(postgres, onFinal: requests.observe), fullModel: fullModel,
                            catalog: catalog, logger: logger, metrics: metrics)
                    }),
                DeliveryLoop(
                    service: RetryHandler.service,
                    consumer: heartbeat.governing(
                        try KafkaConsumer(
                            settings: kafka.lowPriority, group: ConsumerGroup.name(of: RetryHandler.service),
                            topics: [Topic.retries], logger: logger, metrics: metrics)),
                    producer: producer, handler: RetryHandler(), logger: logger, metrics: metrics,
                    onReadiness: context.health.check("retries").set),
                Probe(onReadiness: context.health.check("postgres").set) { [store = PostgresStore(postgres)] in
                    try await store.ping()
                },
                SuiteMetrics(source: PostgresStore(postgres), metrics: metrics, logger: logger),
                Keeper(
                    leadership: PostgresLeadership(postgres, name: "winnow.keeper"),
                    chores: Keeper.chores(
                        service: service, connect: { PostgresStore(postgres, onFinal: requests.observe) },
                        producer: producer, backlog: KafkaBacklog(settings: kafka, logger: logger), settings: keeper,
                        catalog: catalog, logger: logger, metrics: metrics)
                        + Keeper.maintenance(PostgresStore(postgres), retention),
                    logger: logger, metrics: metrics),
            ]
        }
    }
}

extension Keeper {
    /// The chores that only Postgres can run.
    fileprivate static func maintenance(_ store: PostgresStore, _ retention: Retention) -> [any Chore] {
        [
            // Rows without a partition of their own go to the default partition, so a failure here refuses no row.
            MaintenanceChore("partitions", every: .seconds(3600)) {
                // Old requests are deleted in batches until none is left.
                let done = try await store.maintainPartitions(retentionDays: retention.requests)
                return ChoreRound(
                    handled: done.created + done.dropped + done.deletedRequests, hasMore: done.deletedRequests > 0)
            },
            MaintenanceChore("cost-folding", every: .seconds(3600)) {
                ChoreRound(handled: try await store.foldCosts())
            },
            MaintenanceChore("retention", every: .seconds(3600)) {
                let deleted = try await store.applyRetention(retention)
                return ChoreRound(handled: deleted, hasMore: deleted > 0)
            },
        ]
    }
}
