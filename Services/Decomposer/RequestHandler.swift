import Contracts
import Delivery
import MessageBus
import Planning
import Store
import Synchronization

/// Accepts requests. It validates and deduplicates them on (tenant, `ce_id`), stores requests over their tenant's share
/// until their turn, plans and stores the others, and emits the steps that are ready.
///
/// If the broker redelivers a record, the handler emits again, because the first emission may have been lost. If a
/// client sends a copy, it does not: the copy gets only the result, once there is one.
/// - Consumes: `winnow.requests.v1` or the bulk lane's, and requests that have waited (`Intake`)
/// - Produces: in the same lane `winnow.steps.*`, and `winnow.escalations.v1` for an unsure routing;
///   `winnow.results.v1` for requests that are rejected or already answered
struct RequestHandler: BatchHandler {
    private let source: EventSource
    private let planner: Planner
    private let store: any RequestStore & SubmissionQueue
    private let admission: AdmissionControl?
    private let ownTopics: OwnTopics
    private let prices: PriceBook
    private let fullModel: String
    private let catalog: LiveCatalog

    /// - Parameter admission: `nil` for requests that have waited for their turn.
    init(
        service: String, planner: Planner, store: any RequestStore & SubmissionQueue, admission: AdmissionControl?,
        ownTopics: OwnTopics, fullModel: String, catalog: LiveCatalog
    ) {
        source = EventSource(service: service)
        self.planner = planner
        self.store = store
        self.admission = admission
        self.ownTopics = ownTopics
        self.fullModel = fullModel
        self.catalog = catalog
        prices = PriceBook(store: store)
    }

    func prepare() async throws {
        await ownTopics.prepare()
        _ = try await prices.current()
    }

    func isDue(_ records: [Record]) async -> Bool { await admission?.isOpen() ?? true }

    func waitUntilDue(_ records: [Record]) async -> Bool { await admission?.opens() ?? true }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        let (now, (catalog, version)) = (Timestamp.now, catalog.snapshot)
        var incomingRequests: [IncomingRequest] = []
        let deadLetters = source.read(records) { record throws(ContractError) in
            incomingRequests.append(try IncomingRequest(record, ownTopics: ownTopics, catalog: catalog, at: now))
        }
        let parked = try await park(&incomingRequests)
        let known = try await takeKnown(from: &incomingRequests)
        try await plan(&incomingRequests, catalog)
        let pricing = try await prices.current()
        let fullModel = catalog.decomposition.isEndpoint ? catalog.decomposition.full : fullModel
        let arrivals = try incomingRequests.map {
            try $0.arrival(at: now, pricing: pricing, fullModel: fullModel, catalogVersion: version)
        }
        let (accepted, verdicts) = try await store.accept(arrivals, parking: parked.map(\.offer))
        var answers = Answers(source: source, catalog: catalog)
        for (incomingRequest, acceptance) in zip(incomingRequests, accepted) {
            answers.add(acceptance, incomingRequest)
        }
        for (incomingRequest, acceptance) in known { answers.add(acceptance, incomingRequest) }
        for (parked, verdict) in zip(parked, verdicts) {
            answers.add(verdict, parked.incomingRequest, retryAfterSeconds: admission?.retryAfterSeconds)
        }
        return deadLetters + answers.records
    }

    /// Removes the requests that must wait or are refused from the batch. Rejected requests make no work, and retried
    /// requests were admitted before.
    private func park(
        _ incomingRequests: inout [IncomingRequest]
    ) async throws -> [(incomingRequest: IncomingRequest, offer: Parking)] {
        guard let admission else { return [] }
        let candidates = incomingRequests.indices.filter {
            incomingRequests[$0].isOpen && !incomingRequests[$0].isRetried
        }
        guard !candidates.isEmpty else { return [] }
        let verdicts = try await admission.admits(candidates.map { incomingRequests[$0].tenant })
        let waiting = zip(candidates, verdicts).filter { $0.1 != .now }
        guard !waiting.isEmpty else { return [] }
        let parked = waiting.map { index, verdict in
            let incomingRequest = incomingRequests[index]
            let offer = Parking(
                incomingRequest.submission, digest: incomingRequest.origin.digest, isRefused: verdict == .never)
            return (incomingRequest, offer)
        }
        let left = Set(incomingRequests.indices).subtracting(waiting.map(\.0))
        incomingRequests = left.sorted().map { incomingRequests[$0] }
        return parked
    }

    /// Removes the human requests whose id was accepted before from the batch, so that the router does not compute a
    /// copy again. Machine requests stay, because planning them costs less than the lookup.
    /// - Returns: the removed requests, with what the store holds under their ids.
    private func takeKnown(
        from incomingRequests: inout [IncomingRequest]
    ) async throws -> [(incomingRequest: IncomingRequest, acceptance: Acceptance)] {
        let human = incomingRequests.indices.filter {
            incomingRequests[$0].isOpen && incomingRequests[$0].request?.channel == .human
        }
        guard !human.isEmpty else { return [] }
        let found = try await store.known(
            human.map { (key: incomingRequests[$0].key, origin: incomingRequests[$0].origin) })
        let known = zip(human, found).compactMap { index, acceptance in acceptance.map { (index, $0) } }
        guard !known.isEmpty else { return [] }
        let taken = known.map { (incomingRequests[$0.0], $0.1) }
        let left = Set(incomingRequests.indices).subtracting(known.map(\.0))
        incomingRequests = left.sorted().map { incomingRequests[$0] }
        return taken
    }

    private func plan(_ incomingRequests: inout [IncomingRequest], _ catalog: Catalog) async throws {
        // If an id occurs twice in the batch, its first record is the request.
        var seen: Set<EventKey> = []
        let open = incomingRequests.indices.filter {
            seen.insert(incomingRequests[$0].key).inserted && incomingRequests[$0].isOpen
        }
        let plans = try await planner.plans(
            for: open.compactMap { incomingRequests[$0].request }, catalog: catalog,
            isLastTry: open.allSatisfy { incomingRequests[$0].isRetried })
        for (index, plan) in zip(open, plans) {
            switch plan {
            case .success(let decomposition): incomingRequests[index].decomposition = decomposition
            case .failure(let refusal):
                incomingRequests[index].rejection = refusal.reason
                incomingRequests[index].refused = refusal.attempt
            }
        }
    }
}

/// The records that answer a batch of requests.
private struct Answers {
    let source: EventSource
    let catalog: Catalog
    private(set) var records: [OutgoingRecord] = []
    /// A request that occurs twice in the batch is emitted once.
    private var seen: Set<Request.ID> = []

    init(source: EventSource, catalog: Catalog) {
        self.source = source
        self.catalog = catalog
    }

    mutating func add(_ acceptance: Acceptance, _ incomingRequest: IncomingRequest) {
        switch acceptance.kind {
        case .new, .redelivered: emit(acceptance.snapshot)
        // The steps of an open request are under way, and its result will follow.
        case .copy: if acceptance.snapshot.state.isFinal { emit(acceptance.snapshot) }
        case .reused: emit(incomingRequest.rejection(.idReused))
        }
    }

    mutating func add(_ verdict: Parking.Verdict, _ incomingRequest: IncomingRequest, retryAfterSeconds: Int?) {
        switch verdict {
        case .waits: break
        case .redelivered(let snapshot): emit(snapshot)
        case .reused: emit(incomingRequest.rejection(.idReused))
        case .refused:
            emit(incomingRequest.rejection(Self.overloaded, retryAfterSeconds: retryAfterSeconds))
        }
    }

    private mutating func emit(_ snapshot: RequestSnapshot) {
        guard seen.insert(snapshot.id).inserted else { return }
        records += Emission.records(
            for: snapshot, trigger: .every, catalog: catalog, from: source.uri, causedBy: snapshot.eventID.text)
    }

    private static let overloaded = ContractError(
        .overloaded, "too many requests wait for their turn; send this request again later, under the same id")
}
