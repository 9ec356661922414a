import Contracts
import Delivery
import MessageBus
import Store
import Synchronization

/// Accepts requests: validates, deduplicates on (tenant, `ce_id`), keeps what is over its tenant's share until its turn
/// comes, plans the others, stores, and emits the steps that are ready.
///
/// - Consumes: `winnow.requests.v1` or the bulk lane's, and what has waited (`Intake`)
/// - Produces: in the same lane `winnow.steps.*`, and `winnow.escalations.v1` for an unsure routing; `winnow.results.v1` for
///   what is rejected or answered already
struct RequestHandler: BatchHandler {
    private let source: EventSource
    private let planner: Planner
    private let store: any RequestStore & SubmissionQueue
    private let door: Door?
    private let prices: PriceBook
    private let fullModel: String

    /// - Parameter door: `nil` for requests that have waited for their turn.
    init(
        service: String, planner: Planner, store: any RequestStore & SubmissionQueue, door: Door?, fullModel: String
    ) {
        source = EventSource(service: service)
        self.planner = planner
        self.store = store
        self.door = door
        self.fullModel = fullModel
        prices = PriceBook(store: store)
    }

    func prepare() async throws { _ = try await prices.current() }

    func waitUntilDue(_ records: [Record]) async -> Bool { await door?.opens() ?? true }

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
        let parked = try await park(&receptions)
        try await plan(&receptions)
        let pricing = try await prices.current()
        let arrivals = receptions.map { $0.arrival(at: now, pricing: pricing, fullModel: fullModel) }
        let (accepted, known) = try await store.accept(arrivals, parking: parked)
        var seen: Set<Request.ID> = []
        // An id that stands in the batch twice has one row: its work is asked for once.
        for snapshot in accepted + known where seen.insert(snapshot.id).inserted {
            emitted += Emission.records(
                for: snapshot, trigger: .every, from: source.uri, causedBy: snapshot.eventID)
        }
        return emitted
    }

    /// Takes those out of the batch that have to wait. What is rejected makes no work, and what comes again after a fault
    /// has had its turn.
    private func park(_ receptions: inout [Reception]) async throws -> [Submission] {
        guard let door else { return [] }
        let candidates = receptions.indices.filter { receptions[$0].isOpen && !receptions[$0].isRetried }
        guard !candidates.isEmpty else { return [] }
        let admitted = try await door.admits(candidates.map { receptions[$0].tenant })
        let waiting = zip(candidates, admitted).filter { !$0.1 }.map(\.0)
        guard !waiting.isEmpty else { return [] }
        let parked = waiting.map { receptions[$0].submission }
        let left = Set(receptions.indices).subtracting(waiting)
        receptions = left.sorted().map { receptions[$0] }
        return parked
    }

    private func plan(_ receptions: inout [Reception]) async throws {
        let open = receptions.indices.filter { receptions[$0].isOpen }
        let plans = try await planner.plans(for: open.compactMap { receptions[$0].request })
        for (index, plan) in zip(open, plans) {
            switch plan {
            case .success(let decomposition): receptions[index].decomposition = decomposition
            case .failure(let refusal):
                receptions[index].rejection = refusal.reason
                receptions[index].refused = refusal.attempt
            }
        }
    }
}
