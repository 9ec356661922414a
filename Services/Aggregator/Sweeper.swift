import Contracts
import Delivery
import Lifecycle
import MessageBus
import Store
import Synchronization
import Telemetry

/// Cancels requests that somebody wants stopped, expires those past their deadline, drives those again that have made no
/// progress (a broker may lose data, Postgres holds all that is needed to emit it anew), gives up calls whose process
/// died, watches over the certificates and publishes them, and forgets instances that have been silent for a day.
struct Sweeper: Service {
    typealias SweptStore = RequestStore & CancellationQueue & InstanceRegister & CertificateRegister
        & AgreementRegister

    let source: EventSource
    let store: any SweptStore
    let producer: any MessageProducer
    let settings: SweeperSettings
    let logger: Logger
    let now: @Sendable () -> Timestamp
    let published = PublishedCertificates()
    let revoked: Counter
    let revokedForTenant: Counter
    private let unsent = Unsent()

    init(
        service: String, store: any SweptStore, producer: any MessageProducer, settings: SweeperSettings,
        logger: Logger, metrics: Metrics = Metrics(), now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        source = EventSource(service: service)
        self.store = store
        self.producer = producer
        self.settings = settings
        self.logger = logger
        self.now = now
        let count = { (scope: String) in
            metrics.counter(
                "winnow_certificates_revoked_total",
                "Certificates whose promise live comparisons showed to be broken, for everybody or for one tenant.",
                [("scope", scope)])
        }
        (revoked, revokedForTenant) = (count("everybody"), count("tenant"))
    }

    func run() async throws {
        repeat {
            do {
                while try await cancel() == settings.limit {}
                while try await sweep() == settings.limit {}
                try await abandonLostCalls()
                try await store.forgetInstances(silentSince: now().adding(milliseconds: -settings.forgetMilliseconds))
                try await watchAgreement()
                try await publishCertificates()
            } catch {
                // The next round tries again: what is open is overdue then too, and what is final was kept.
                logger.warning("Sweep failed", metadata: [LogKeys.errorMessage: "\(error)"])
            }
        } while await sleepUnlessShutDown(for: settings.interval)
    }

    /// - Returns: how many requests were due.
    func sweep() async throws -> Int {
        try await send(unsent.take())
        let time = now()
        let due = try await store.overdue(
            now: time, stalledSince: time.adding(milliseconds: -settings.redriveAfterMilliseconds),
            bulkStalledSince: time.adding(milliseconds: -settings.bulkRedriveAfterMilliseconds), limit: settings.limit)
        guard !due.isEmpty else { return 0 }
        let snapshots = try await store.update(due) { snapshots in
            snapshots.map { snapshot in
                var progress = RequestProgress(snapshot, now: time)
                if let deadline = snapshot.deadline, deadline <= time { progress.expire() }
                return progress.change()
            }
        }
        try await send(snapshots)
        logger.notice("Requests expired or driven again", metadata: [LogKeys.count: "\(due.count)"])
        return due.count
    }

    /// Their price stays; a final request's totals are summed anew, for it may have become final before them.
    func abandonLostCalls() async throws {
        let time = now()
        let started = time.adding(milliseconds: -settings.abandonAfterMilliseconds)
        let lost = try await store.abandonCalls(startedBefore: started, limit: settings.limit)
        guard !lost.isEmpty else { return }
        _ = try await store.update(lost) { snapshots in
            snapshots.filter(\.state.isFinal).map { snapshot in
                RequestChange(
                    request: snapshot.id, state: snapshot.state, error: snapshot.error,
                    progressedAt: snapshot.progressedAt)
            }
        }
        logger.notice("Lost calls are unknown", metadata: [LogKeys.count: "\(lost.count)"])
    }

    /// All at once; where a record among them is too large for any topic, each by itself and without that one.
    func send(_ snapshots: [RequestSnapshot]) async throws {
        guard !snapshots.isEmpty else { return }
        let emissions = snapshots.map { Emission.records(for: $0, trigger: .every, from: source.uri) }
        do {
            do {
                try await producer.send(emissions.flatMap { $0 })
            } catch let error as MessageBusError where error.code == .tooLarge {
                for (snapshot, records) in zip(snapshots, emissions) {
                    do {
                        try await producer.send(records)
                    } catch let error as MessageBusError where error.code == .tooLarge {
                        logger.error("Record too large", metadata: [LogKeys.requestID: "\(snapshot.id)"])
                    }
                }
            }
        } catch {
            // State calls for the commands of open requests again, and never again for the result of a final one.
            unsent.keep(snapshots.filter { $0.state != .open })
            throw error
        }
    }
}

/// Final requests whose results could not be written yet.
private final class Unsent: Sendable {
    private let snapshots = Mutex<[RequestSnapshot]>([])

    func keep(_ more: [RequestSnapshot]) { snapshots.withLock { $0 += more } }

    func take() -> [RequestSnapshot] {
        snapshots.withLock { kept in
            defer { kept = [] }
            return kept
        }
    }
}
