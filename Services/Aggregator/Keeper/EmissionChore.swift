import Contracts
import Delivery
import MessageBus
import Planning
import Store
import Telemetry

/// Sends the emissions that other chores have decided, and deletes them once the broker has acknowledged them.
struct EmissionChore: Chore {
    let name = "emissions"
    let interval: Duration
    /// Called by chores that have stored an emission, so that it is sent at once.
    let wake: Wake?
    let source: EventSource
    let store: any RequestStore & EmissionOutbox
    let producer: any MessageProducer
    let catalog: LiveCatalog
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
            // Cancellations go first, because workers compute cancelled steps until they read them.
            try await send(owes(.cancellation)) { [Emission.cancellation(of: $0, from: source.uri)] }
            let catalog = catalog.current
            try await send(owes(.state)) {
                Emission.records(for: $0, trigger: .every, catalog: catalog, from: source.uri)
            }
            FaultPoint.afterEmit.reached(by: "keeper.\(name)")
            let done = requests.flatMap { byRequest[$0] ?? [] }
            try await store.forgetEmissions(done)
            return done.count
        }
        return ChoreRound(handled: sent, hasMore: sent == limit)
    }

    /// Sends the records of all requests together. If one record is too large for any topic, sends each request by
    /// itself and omits that record.
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

/// A database chore that decides nothing about requests: it maintains partitions, folds cost sums or deletes old rows.
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
