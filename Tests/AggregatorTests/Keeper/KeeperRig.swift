import BuiltInCatalog
import Contracts
import MessageBus
import MessageBusTesting
import Planning
import Settings
import Store
import StoreTesting
import Synchronization
import Telemetry
import TestKit

@testable import Aggregator

/// A store, a bus, and the chores of a keeper that uses them.
struct KeeperRig {
    let store = InMemoryStore()
    let bus: InMemoryBus
    let metrics = Metrics()
    let wake = Wake()

    init(
        topics: [String: Int] = [
            Topic.results: 1, Topic.cancellations: 1, Topic.steps(.legalServices, .interactive): 1,
        ]
    ) {
        bus = InMemoryBus(topics: topics) { Fixture.now }
    }

    var batch: RequestBatch { RequestBatch(logger: .silent, metrics: metrics) }

    func settings() throws -> KeeperSettings {
        var reader = SettingsReader(environment: ["WINNOW_REDRIVE_AFTER_SECONDS": "60"])
        return try KeeperSettings(&reader)
    }

    func deadlines(
        at now: Timestamp = Fixture.now, limit: Int = 500, store: (any RequestStore)? = nil
    ) -> DeadlineChore {
        DeadlineChore(
            interval: .seconds(1), store: store ?? self.store, batch: batch, emissions: wake, limit: limit
        ) { now }
    }

    func cancellations() -> CancellationChore {
        CancellationChore(interval: .seconds(1), store: store, batch: batch, emissions: wake, limit: 500) {
            Fixture.now
        }
    }

    func redrives(at now: Timestamp) throws -> RedriveChore {
        RedriveChore(
            interval: .seconds(1), store: store, backlog: bus, catalog: LiveCatalog(.builtIn), batch: batch,
            emissions: wake, settings: try settings()
        ) { now }
    }

    func emissions(_ producer: (any MessageProducer)? = nil, limit: Int = 500) -> EmissionChore {
        EmissionChore(
            interval: .seconds(1), wake: wake, source: EventSource(service: "aggregator"), store: store,
            producer: producer ?? bus.producer(), catalog: LiveCatalog(.builtIn), batch: batch, limit: limit,
            logger: .silent)
    }

    func accept(_ snapshots: RequestSnapshot...) async throws {
        _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
    }

    func stored(_ id: Request.ID = .numbered(1)) async throws -> RequestSnapshot? {
        try await store.update([id]) { _ in [] }.first
    }
}

/// A broker that is away for a given number of sends.
final class AwayFor: MessageProducer {
    private let producer: any MessageProducer
    private let left: Mutex<Int>

    init(_ sends: Int, _ producer: any MessageProducer) {
        self.producer = producer
        left = Mutex(sends)
    }

    func send(_ records: [OutgoingRecord]) async throws {
        let isAway = left.withLock { left in
            defer { left -= 1 }
            return left > 0
        }
        guard !isAway else { throw MessageBusError(.unavailable, "away", isRetriable: true) }
        try await producer.send(records)
    }

    func close() async { await producer.close() }
}
