import Contracts
import Delivery
import Lifecycle
import MessageBus
import Store
import Telemetry

/// Expires requests past their deadline and drives those again that have made no progress: a broker may lose data,
/// Postgres holds all that is needed to emit it anew.
struct Sweeper: Service {
    private let source: EventSource
    private let store: any RequestStore
    private let producer: any MessageProducer
    private let settings: SweeperSettings
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    init(
        service: String, store: any RequestStore, producer: any MessageProducer, settings: SweeperSettings,
        logger: Logger, now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        source = EventSource(service: service)
        self.store = store
        self.producer = producer
        self.settings = settings
        self.logger = logger
        self.now = now
    }

    func run() async throws {
        while await sleepUnlessShutDown(for: settings.interval) {
            do {
                while try await sweep() == settings.limit {}
            } catch {
                // The next round tries again: nothing was emitted that state does not call for.
                logger.warning("Sweep failed", metadata: [LogKeys.errorMessage: "\(error)"])
            }
        }
    }

    /// - Returns: how many requests were due.
    func sweep() async throws -> Int {
        let time = now()
        let stalled = time.adding(milliseconds: -settings.redriveAfterMilliseconds)
        let due = try await store.overdue(now: time, stalledSince: stalled, limit: settings.limit)
        guard !due.isEmpty else { return 0 }
        let snapshots = try await store.update(due) { snapshots in
            snapshots.map { snapshot in
                var progress = RequestProgress(snapshot, now: time)
                if let deadline = snapshot.deadline, deadline <= time { progress.expire() }
                return progress.change()
            }
        }
        try await producer.send(
            snapshots.flatMap { Emission.records(for: $0, trigger: .every, from: source.uri) })
        logger.notice("Requests expired or driven again", metadata: [LogKeys.count: "\(due.count)"])
        return due.count
    }
}
