import Contracts
import Lifecycle
import MessageBus
import Planning
import Settings
import Store
import Synchronization
import Telemetry

/// Runs the jobs that must run once, however many aggregators there are. One aggregator is the leader and runs every
/// chore.
///
/// Chores are independent. A chore that fails backs off, and delays no other chore.
/// - Source: infra/decisions/0030-keeper.md
struct Keeper: Service {
    private let leadership: any Leadership
    private let chores: [ScheduledChore]
    private let interval: Duration
    private let logger: Logger
    private let leading: Gauge

    /// - Parameter interval: how often the process claims and confirms the leadership.
    init(
        leadership: any Leadership, chores: [any Chore], interval: Duration = .seconds(1), logger: Logger,
        metrics: Metrics
    ) {
        self.leadership = leadership
        self.interval = interval
        self.logger = logger
        leading = metrics.gauge("winnow_keeper_leading", "1 if this process runs the keeper's chores.")
        self.chores = chores.map { ScheduledChore($0, logger: logger, metrics: metrics) }
    }

    func run() async throws {
        repeat {
            do {
                if let until = try await leadership.claim() { await lead(until: until) }
            } catch {
                logger.warning("Leadership cannot be claimed", metadata: [LogKeys.errorMessage: "\(error)"])
            }
        } while await sleepUnlessShutDown(for: interval)
        await leadership.resign()
    }

    /// Runs the chores until the leadership is lost or a stop is requested.
    private func lead(until: ContinuousClock.Instant) async {
        let lease = Lease(until: until)
        leading.set(1)
        logger.notice("Keeper became the leader")
        await withTaskGroup(of: Void.self) { group in
            for chore in chores { group.addTask { await chore.run(while: lease) } }
            while await sleepUnlessShutDown(for: interval) {
                do {
                    guard let until = try await leadership.claim() else { break }
                    lease.extend(until: until)
                } catch {
                    // The session that held the lock has ended, and the lock with it.
                    logger.warning("Leadership lost", metadata: [LogKeys.errorMessage: "\(error)"])
                    break
                }
            }
            lease.end()
            group.cancelAll()
        }
        leading.set(0)
        logger.notice("Keeper is no longer the leader")
    }
}

/// The time until which this process is the leader.
final class Lease: Sendable {
    private let until: Mutex<ContinuousClock.Instant>

    init(until: ContinuousClock.Instant) { self.until = Mutex(until) }

    var isHeld: Bool { ContinuousClock.now < until.withLock(\.self) }

    func extend(until instant: ContinuousClock.Instant) { until.withLock { $0 = instant } }

    func end() { until.withLock { $0 = .now } }
}

extension Keeper {
    typealias KeeperStore = RequestStore & CancellationQueue & EmissionOutbox & CertificateRegister & AgreementRegister
        & CatalogRegister & InstanceRegister

    /// The chores that need only the seams.
    /// - Parameter connect: creates a store with a connection of its own. Chores that may wait for locks of requests do
    ///   not share theirs with the others.
    static func chores(
        service: String, connect: () -> any KeeperStore, producer: any MessageProducer, backlog: any BacklogReader,
        settings: KeeperSettings, catalog: LiveCatalog, logger: Logger, metrics: Metrics,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) -> [any Chore] {
        let (requests, emissions, rest) = (connect(), connect(), connect())
        let source = EventSource(service: service)
        let batch = RequestBatch(logger: logger, metrics: metrics)
        let wake = Wake()
        return [
            DeadlineChore(
                interval: settings.interval, store: requests, batch: batch, emissions: wake, limit: settings.limit,
                now: now),
            CancellationChore(
                interval: settings.interval, store: requests, batch: batch, emissions: wake, limit: settings.limit,
                now: now),
            RedriveChore(
                interval: settings.redriveInterval, store: requests, backlog: backlog, catalog: catalog, batch: batch,
                emissions: wake, settings: settings, now: now),
            LostCallChore(interval: settings.interval, store: requests, settings: settings, logger: logger),
            EmissionChore(
                interval: settings.interval, wake: wake, source: source, store: emissions, producer: producer,
                catalog: catalog, batch: batch, limit: settings.limit, logger: logger),
            AgreementChore(
                interval: settings.interval, store: rest, limit: settings.limit, logger: logger, metrics: metrics,
                now: now),
            CertificateChore(
                interval: settings.interval, source: source, store: rest, producer: producer,
                republishMilliseconds: settings.republishMilliseconds, catalog: catalog, logger: logger,
                metrics: metrics, now: now),
            CatalogChore(
                interval: settings.interval, source: source, store: rest, producer: producer,
                republishMilliseconds: settings.republishMilliseconds, logger: logger, now: now),
            MaintenanceChore("silent-instances", every: .seconds(60)) {
                try await rest.forgetInstances(silentSince: now().adding(milliseconds: -settings.forgetMilliseconds))
                return .nothing
            },
        ]
    }
}

/// How often the keeper checks what is due.
struct KeeperSettings: Sendable {
    /// How often the keeper checks deadlines, cancellations, certificates and owed emissions.
    /// - Default: 1000. Key: `WINNOW_SWEEP_INTERVAL_MS`.
    var interval: Duration
    /// The time without progress after which a request is re-driven for the first time. Later re-drives come after
    /// longer intervals.
    /// - Default: 120 s. Key: `WINNOW_REDRIVE_AFTER_SECONDS`.
    private var redriveAfterMilliseconds: Int64
    /// The same for the bulk lane, which may pause while the interactive lane has work.
    /// - Default: 1200 s. Key: `WINNOW_BULK_REDRIVE_AFTER_SECONDS`.
    private var bulkRedriveAfterMilliseconds: Int64
    /// The age after which an unsettled call counts as lost with its process. It must be longer than any call takes.
    /// - Default: 600 s. Key: `WINNOW_ABANDON_AFTER_SECONDS`.
    var abandonAfter: Duration
    /// The silence after which an instance is removed from the list.
    var forgetMilliseconds: Int64 = 86_400_000
    /// How often unchanged certificates are published again. Without a repetition they expire in the workers, and the
    /// embedded broker may have lost the last publication.
    var republishMilliseconds = Int64(StandingCertificates.publicationInterval / .milliseconds(1))
    /// How many requests a chore handles in one transaction.
    var limit = 500

    init(_ reader: inout SettingsReader) throws(SettingsError) {
        interval = .milliseconds(try reader.integer("WINNOW_SWEEP_INTERVAL_MS", default: 1000, in: 10...60_000))
        redriveAfterMilliseconds =
            1000 * Int64(try reader.integer("WINNOW_REDRIVE_AFTER_SECONDS", default: 120, in: 1...86_400))
        bulkRedriveAfterMilliseconds =
            1000 * Int64(try reader.integer("WINNOW_BULK_REDRIVE_AFTER_SECONDS", default: 1200, in: 1...86_400))
        abandonAfter = .seconds(try reader.integer("WINNOW_ABANDON_AFTER_SECONDS", default: 600, in: 1...86_400))
    }

    /// - Units: milliseconds.
    func redriveAfter(_ lane: Lane) -> Int64 {
        lane == .bulk ? bulkRedriveAfterMilliseconds : redriveAfterMilliseconds
    }

    /// How often the keeper searches for stalled requests: a tenth of the re-drive interval, because the search reads
    /// every old request.
    var redriveInterval: Duration {
        let tenth = min(redriveAfterMilliseconds, bulkRedriveAfterMilliseconds) / 10
        return max(interval, min(.milliseconds(tenth), .seconds(10)))
    }
}

extension Retention {
    /// - Default: 30, 400, 3650, 90 and 400 days. Keys: `WINNOW_RETENTION_DAYS`, `WINNOW_RETENTION_HOURLY_DAYS`,
    ///   `WINNOW_RETENTION_DAILY_DAYS`, `WINNOW_RETENTION_DISPOSITION_DAYS`, `WINNOW_RETENTION_TENANT_DAYS`. Monthly
    ///   budgets need two months of daily sums, and the topic keeps dead letters for 30 days.
    init(_ reader: inout SettingsReader) throws(SettingsError) {
        self.init(
            requests: try reader.integer("WINNOW_RETENTION_DAYS", default: 30, in: 1...3650),
            hourly: try reader.integer("WINNOW_RETENTION_HOURLY_DAYS", default: 400, in: 7...3650),
            daily: try reader.integer("WINNOW_RETENTION_DAILY_DAYS", default: 3650, in: 62...36_500),
            dispositions: try reader.integer("WINNOW_RETENTION_DISPOSITION_DAYS", default: 90, in: 31...3650),
            tenants: try reader.integer("WINNOW_RETENTION_TENANT_DAYS", default: 400, in: 1...3650))
    }
}
