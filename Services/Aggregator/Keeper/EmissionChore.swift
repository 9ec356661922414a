import Contracts
import Delivery
import MessageBus
import Planning
import Store
import Telemetry

/// Sends what other chores have decided, and forgets it once the broker has acknowledged it.
struct EmissionChore: Chore {
    let name = "emissions"
    let interval: Duration
    /// Called by the chores that have decided something.
    let wake: Wake?
    let source: EventSource
    let store: any RequestStore & EmissionOutbox
    let producer: any MessageProducer
    let batch: RequestBatch
    let limit: Int
    let logger: Logger

    func work() async throws -> ChoreRound {
        let owed = try await store.owedEmissions(limit: limit)
        guard !owed.isEmpty else { return .nothing }
        let byRequest = Dictionary(grouping: owed, by: \.request)
        let sent = try await batch.handle(byRequest.keys.sorted()) { requests in
            let snapshots = try await store.update(requests) { _ in [] }
            func owes(_ kind: OwedEmission.Kind) -> [RequestSnapshot] {
                snapshots.filter { snapshot in byRequest[snapshot.id]?.contains { $0.kind == kind } == true }
            }
            // Before the results, which may be many: until it is read, steps are computed for nobody.
            try await send(owes(.cancellation)) { [Emission.cancellation(of: $0, from: source.uri)] }
            try await send(owes(.state)) { Emission.records(for: $0, trigger: .every, from: source.uri) }
            FaultPoint.afterEmit.reached(by: "keeper.\(name)")
            let done = requests.flatMap { byRequest[$0] ?? [] }
            try await store.forgetEmissions(done)
            return done.count
        }
        return ChoreRound(handled: sent, hasMore: sent == limit)
    }

    /// All at once; where a record among them is too large for any topic, each request by itself and without that one.
    private func send(_ snapshots: [RequestSnapshot], _ records: (RequestSnapshot) -> [OutgoingRecord]) async throws {
        guard !snapshots.isEmpty else { return }
        let emissions = snapshots.map(records)
        do {
            try await producer.send(emissions.flatMap(\.self))
        } catch let error as MessageBusError where error.code == .tooLarge {
            for (snapshot, records) in zip(snapshots, emissions) {
                do {
                    try await producer.send(records)
                } catch let error as MessageBusError where error.code == .tooLarge {
                    logger.error("Record too large", metadata: [LogKeys.requestID: "\(snapshot.id)"])
                }
            }
        }
    }
}

/// A chore of the database that has no decisions of its own: partitions, folding the ledger's sums, forgetting instances.
struct MaintenanceChore: Chore {
    let name: String
    let interval: Duration
    private let body: @Sendable () async throws -> ChoreRound

    init(_ name: String, every interval: Duration, _ body: @escaping @Sendable () async throws -> ChoreRound) {
        self.name = name
        self.interval = interval
        self.body = body
    }

    func work() async throws -> ChoreRound { try await body() }
}
