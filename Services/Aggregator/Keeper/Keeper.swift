import Lifecycle
import Store
import Synchronization
import Telemetry

/// Does the jobs that must be done once, however many aggregators there are: one of them leads, and runs every chore.
///
/// Chores know nothing of each other. One that fails waits, longer each time, and holds up no other.
/// - Source: infra/decisions/0030-keeper.md
struct Keeper: Service {
    private let leadership: any Leadership
    private let chores: [ScheduledChore]
    private let interval: Duration
    private let logger: Logger
    private let leading: Gauge

    /// - Parameter interval: how often the lead is claimed and confirmed.
    init(
        leadership: any Leadership, chores: [any Chore], interval: Duration = .seconds(1), logger: Logger,
        metrics: Metrics
    ) {
        self.leadership = leadership
        self.interval = interval
        self.logger = logger
        leading = metrics.gauge("winnow_keeper_leading", "1 where this process runs the keeper's chores.")
        self.chores = chores.map { ScheduledChore($0, logger: logger, metrics: metrics) }
    }

    func run() async throws {
        repeat {
            do {
                if let until = try await leadership.claim() { await lead(until: until) }
            } catch {
                logger.warning("The lead cannot be claimed", metadata: [LogKeys.errorMessage: "\(error)"])
            }
        } while await sleepUnlessShutDown(for: interval)
        await leadership.resign()
    }

    /// Runs the chores until the lead is lost or a stop comes.
    private func lead(until: ContinuousClock.Instant) async {
        let lease = Lease(until: until)
        leading.set(1)
        logger.notice("Keeper leads")
        await withTaskGroup(of: Void.self) { group in
            for chore in chores { group.addTask { await chore.run(while: lease) } }
            while await sleepUnlessShutDown(for: interval) {
                do {
                    guard let until = try await leadership.claim() else { break }
                    lease.extend(until: until)
                } catch {
                    // The session that held the lock is gone, and the lock with it.
                    logger.warning("The lead is lost", metadata: [LogKeys.errorMessage: "\(error)"])
                    break
                }
            }
            lease.end()
            group.cancelAll()
        }
        leading.set(0)
        logger.notice("Keeper leads no longer")
    }
}

/// Until when this process leads.
final class Lease: Sendable {
    private let until: Mutex<ContinuousClock.Instant>

    init(until: ContinuousClock.Instant) { self.until = Mutex(until) }

    var isHeld: Bool { ContinuousClock.now < until.withLock(\.self) }

    func extend(until instant: ContinuousClock.Instant) { until.withLock { $0 = instant } }

    func end() { until.withLock { $0 = .now } }
}
