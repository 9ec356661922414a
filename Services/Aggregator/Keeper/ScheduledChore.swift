import Delivery
import Lifecycle
import Store
import Telemetry

/// A chore with its schedule, its backoff and its metrics.
struct ScheduledChore: Sendable {
    private let chore: any Chore
    private let logger: Logger
    private let rounds: Counter
    private let failures: Counter
    private let handled: Counter
    private let duration: Histogram

    /// What follows a failure instead of the interval, which may be an hour.
    private static let backoff = Backoff(first: .seconds(1), most: .seconds(30))

    init(_ chore: any Chore, logger: Logger, metrics: Metrics) {
        self.chore = chore
        self.logger = logger
        let label = [(name: "chore", value: chore.name)]
        rounds = metrics.counter("winnow_keeper_rounds_total", "Rounds that a chore has ended without a fault.", label)
        failures = metrics.counter("winnow_keeper_failures_total", "Rounds that a fault has ended.", label)
        handled = metrics.counter("winnow_keeper_handled_total", "What a chore has done something about.", label)
        duration = metrics.histogram("winnow_keeper_round_duration_seconds", "A round of a chore.", label)
    }

    func run(while lease: Lease) async {
        var backoff = Self.backoff
        var generator = SystemRandomNumberGenerator()
        var wait = chore.interval
        var signal: Signal?
        repeat {
            signal = chore.wake?.signal
            wait = chore.interval
            // An expired lease is extended soon, or the task is cancelled.
            guard lease.isHeld else { continue }
            do {
                try await round(while: lease)
                backoff = Self.backoff
            } catch  where !Task.isCancelled {
                failures.increment()
                wait = backoff.next(using: &generator)
                logger.warning(
                    "A chore of the keeper failed",
                    metadata: [LogKeys.chore: chore.name, LogKeys.errorMessage: "\(error)"])
            } catch {
                return
            }
        } while await rest(for: wait, unless: signal)
    }

    /// - Returns: `false` when a stop came, or the lead was lost.
    private func rest(for wait: Duration, unless signal: Signal?) async -> Bool {
        guard let signal else { return await sleepUnlessShutDown(for: wait) }
        return await signal.wait(for: wait)
    }

    /// Works until nothing more is due.
    private func round(while lease: Lease) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        var done = ChoreRound.nothing
        repeat {
            FaultPoint.beforeApply.reached(by: "keeper.\(chore.name)")
            done = try await chore.work()
            FaultPoint.afterCommit.reached(by: "keeper.\(chore.name)")
            handled.increment(by: done.handled)
        } while done.hasMore && lease.isHeld && !Task.isCancelled
        rounds.increment()
        duration.observe(clock.now - start)
    }
}
