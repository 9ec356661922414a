import CatalogFeed
import Contracts
import Delivery
import Inference
import Instances
import KafkaBus
import ModelEndpoint
import PostgresStore
import Runtime
import Settings
import Signing
import Store
import WorkerKit

/// Asks the full model, and before it middle models and endpoints that are small models, for the items of steps that no
/// worker was sure of.
///
/// - Consumes: `winnow.escalations.v1` of both lanes, `winnow.shadows.v1`, `winnow.cancellations.v1`,
///   `winnow.certificates.v1`
/// - Produces: `winnow.outcomes.v1` in the same lane; `winnow.shadows.v1`
@main enum App {
    static let service = "escalator"
    /// A step costs milliseconds here. Small batches keep the wait of the first step short.
    static let mostSteps = 32
    /// The batch size of the bulk lane, where a step takes up to ten seconds. After a stop the process finishes its
    /// batch first.
    static let mostBulkSteps = 1

    static func main() async {
        await Runtime.run(service, "Asks the full model about the items that small models are not sure of.") {
            context in
            let kafka = try KafkaSettings(from: &context.settings)
            let models = ModelSettings(&context.settings)
            let postgres = try PostgresSettings(from: &context.settings)
            let (logger, metrics) = (context.logger, context.metrics)
            let signing = try RecordSigning(&context.settings, logger: logger, metrics: metrics)
            let producer = signing.signing(try KafkaProducer(settings: kafka, logger: logger, metrics: metrics))
            let open = KafkaReader.opening(settings: kafka, logger: logger, metrics: metrics)
            let follower = TopicFollower(signing: signing, logger: logger, open: open)
            let heartbeat = try Heartbeat(&context, service: service, producer: producer, follower: follower)
            let catalog = try await CatalogFeed.live(follower: follower, signing: signing, logger: logger, open: open)
            // Where the files of keys are that an endpoint does not name by an absolute path.
            // Default: infra/endpoints. Key: WINNOW_ENDPOINTS_DIRECTORY.
            let keyFolder = context.settings.string("WINNOW_ENDPOINTS_DIRECTORY", default: "infra/endpoints")
            let newestEndpoints = Newest<[EndpointDescription], EndpointSet>()
            let newest = Newest<Catalog, (full: FullModels, tiers: Tiers)>()
            let cancellations = CancellationFollower(follower: follower)
            let certificates = PublishedCertificates(follower)
            let earlier = EarlierCatalogs(catalog, PostgresStore(postgres))
            let draw = ShadowDraw(try ShadowDraw.rate(&context.settings), signing)
            return [
                heartbeat, follower, certificates,
                try LaneLoops(
                    service: service, producer: producer, logger: logger, metrics: metrics,
                    health: context.health,
                    consumer: { lane in
                        heartbeat.governing(
                            try KafkaConsumer(
                                settings: kafka, lane: lane, group: ConsumerGroup.name(of: lane.loop(of: service)),
                                topics: [Topic.escalations(lane)] + (lane == .bulk ? [Topic.shadows] : []),
                                maxBatch: mostSteps, bulkBatch: mostBulkSteps,
                                logger: logger, metrics: metrics))
                    },
                    handler: { lane, gate in
                        let store = PostgresStore(postgres)
                        let prices = PriceBook(store: store)
                        let endpointLedger = EndpointLedger(PostgresStore(postgres))
                        return try CatalogHandler(
                            catalog, key: { $0 }, logger: logger,
                            onReadiness: context.health.check(lane.loop(of: "models"), initially: true).set
                        ) { catalogNow in
                            let (full, tiers) = try newest.value(for: catalogNow) {
                                // Endpoints that did not change keep their connections, breakers and allowances.
                                let endpoints = try newestEndpoints.value(for: catalogNow.endpoints) {
                                    try EndpointSet(
                                        catalogNow.endpoints, keyFolder: keyFolder, metrics: metrics, logger: logger)
                                }
                                let full = try FullModels(of: catalogNow, models, endpoints)
                                let tiers = try Tiers(
                                    of: catalogNow, full, models, certificates, draw: draw, logger: logger,
                                    metrics: metrics)
                                return (full, tiers)
                            }
                            let (model, name) = (try full.serving(lane), lane.loop(of: service))
                            let escalations = EscalationHandler(
                                service: name, classifier: model,
                                middle: try tiers.middle(full, service: name, lane, gate: gate), ledger: store,
                                prices: prices, catalog: catalog, metrics: metrics, cancellations: cancellations,
                                gate: gate)
                            let small = tiers.small(
                                full, service: name, ledger: endpointLedger, prices: prices, catalog: catalog)
                            return FullModelHandler(
                                escalations: escalations,
                                shadows: ShadowHandler(
                                    service: name, classifier: model, register: store, prices: prices,
                                    catalog: catalog, gate: gate),
                                endpoints: full.endpoints.isEmpty && small == nil
                                    ? nil
                                    : FullModelHandler.Endpoints(
                                        escalations: EndpointEscalations(
                                            service: name, endpoints: full.endpoints, small: small,
                                            encoders: escalations, ledger: endpointLedger, catalog: catalog,
                                            earlier: earlier,
                                            cancellations: cancellations, metrics: metrics),
                                        shadows: EndpointShadows(
                                            service: name, endpoints: full.endpoints, judges: full.judges,
                                            ledger: endpointLedger, register: store, catalog: catalog)))
                        }
                    }),
                Probe(onReadiness: context.health.check("postgres").set) { [store = PostgresStore(postgres)] in
                    try await store.ping()
                },
            ]
        }
    }
}
