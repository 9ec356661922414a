import Contracts
import Delivery
import MessageBus
import Store
import Synchronization

/// Accepts requests: validates, deduplicates on (tenant, `ce_id`), plans, stores, and emits the steps that are ready.
///
/// - Consumes: `winnow.requests.v1`, or the bulk lane's
/// - Produces: in the same lane `winnow.steps.*`, and `winnow.escalations.v1` for an unsure routing; `winnow.results.v1` for
///   what is rejected or answered already
struct RequestHandler: BatchHandler {
    private let source: EventSource
    private let planner: Planner
    private let store: any RequestStore
    private let prices: PriceBook
    private let fullModel: String
    private let admission: Admission?

    /// - Parameter admission: `nil` lets everything in.
    init(
        service: String, planner: Planner, store: any RequestStore, fullModel: String, admission: Admission? = nil
    ) {
        source = EventSource(service: service)
        self.planner = planner
        self.store = store
        self.fullModel = fullModel
        self.admission = admission
        prices = PriceBook(store: store)
    }

    func prepare() async throws { _ = try await prices.current() }

    func waitUntilDue(_ records: [Record]) async -> Bool { await admission?.wait() ?? true }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        let now = Timestamp.now
        var emitted: [OutgoingRecord] = []
        var receptions: [Reception] = []
        for record in records {
            do throws(ContractError) {
                receptions.append(try Reception(record, at: now))
            } catch {
                emitted.append(source.deadLetter(record, error))
            }
        }
        try await plan(&receptions)
        let pricing = try await prices.current()
        let arrivals = receptions.map { $0.arrival(at: now, pricing: pricing, fullModel: fullModel) }
        guard !arrivals.isEmpty else { return emitted }
        let snapshots = try await store.accept(arrivals)
        var seen: Set<Request.ID> = []
        // An id that stands in the batch twice has one row: its work is asked for once.
        for (reception, snapshot) in zip(receptions, snapshots) where seen.insert(snapshot.id).inserted {
            emitted += Emission.records(
                for: snapshot, trigger: .every, from: source.uri, causedBy: reception.event.id)
        }
        return emitted
    }

    private func plan(_ receptions: inout [Reception]) async throws {
        let open = receptions.indices.filter { receptions[$0].rejection == nil }
        let plans = try await planner.plans(for: open.compactMap { receptions[$0].request })
        for (index, plan) in zip(open, plans) {
            switch plan {
            case .success(let decomposition): receptions[index].decomposition = decomposition
            case .failure(let error): receptions[index].rejection = error
            }
        }
    }
}
