import Contracts
import Delivery
import MessageBus
import Planning
import Store
import Telemetry

/// Settles steps, dispatches the steps that depended on them, and sends the results of complete requests.
///
/// An outcome of a request that the database does not have becomes a dead letter. The database has lost an accepted
/// request, for example because it was restored from an older backup, and the outcome is the only record left of its
/// cost.
/// - Consumes: `winnow.outcomes.v1`
/// - Produces: `winnow.results.v1`, `winnow.steps.*`, `winnow.dead-letters.v1`
struct OutcomeHandler: BatchHandler {
    private let source: EventSource
    private let store: any RequestStore
    private let prices: PriceBook
    private let fullModel: String
    private let catalog: LiveCatalog
    private let logger: Logger
    private let unknown: Counter
    private let now: @Sendable () -> Timestamp

    init(
        service: String, store: any RequestStore, fullModel: String, catalog: LiveCatalog, logger: Logger,
        metrics: Metrics = Metrics(),
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        source = EventSource(service: service)
        self.store = store
        self.fullModel = fullModel
        self.catalog = catalog
        self.logger = logger
        unknown = metrics.counter(
            "winnow_outcomes_of_unknown_requests_total",
            "Outcomes of requests that the database does not have. Each becomes a dead letter.")
        self.now = now
        prices = PriceBook(store: store)
    }

    func prepare() async throws { _ = try await prices.current() }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        var outcomes: [Request.ID: [Outcome]] = [:]
        var sources: [Request.ID: [Record]] = [:]
        var emitted = source.read(records) { record throws(ContractError) in
            let event = try StepEvent(record, as: EventType.outcome)
            outcomes[event.request, default: []].append(try event.body(Outcome.init(decoding:)))
            sources[event.request, default: []].append(record)
        }
        guard !outcomes.isEmpty else { return emitted }
        let pricing = try await prices.current()
        let (settled, time, fullModel, catalog) = (outcomes, now(), fullModel, catalog.current)
        let snapshots = try await store.update(Array(settled.keys)) { snapshots in
            try snapshots.map { snapshot in
                var progress = RequestProgress(snapshot, now: time)
                for outcome in settled[snapshot.id] ?? [] {
                    try progress.apply(
                        outcome, pricing: pricing, fullModel: catalog[outcome.route]?.models.full ?? fullModel,
                        catalog: catalog)
                }
                return progress.change()
            }
        }
        for snapshot in snapshots {
            let steps = Set((settled[snapshot.id] ?? []).map(\.step))
            emitted += Emission.records(
                for: snapshot, trigger: .settled(steps), catalog: catalog, from: source.uri)
        }
        let known = Set(snapshots.map(\.id))
        for (request, records) in sources where !known.contains(request) { emitted += refuse(records, of: request) }
        return emitted
    }

    private func refuse(_ records: [Record], of request: Request.ID) -> [OutgoingRecord] {
        unknown.increment(by: records.count)
        logger.error(
            "Outcomes refer to a request that the database does not have",
            metadata: [LogKeys.requestID: "\(request)", LogKeys.count: "\(records.count)"])
        let error = ContractError(.unknownRequest, "the database does not have the request of this outcome")
        return records.map { source.deadLetter($0, error) }
    }
}
