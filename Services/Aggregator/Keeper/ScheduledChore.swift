import Delivery
import Lifecycle
import Store
import Synchronization
import Telemetry

/// A chore with its schedule, its backoff and its metrics.
struct ScheduledChore: Sendable {
    private let chore: any Chore
    private let logger: Logger
    private let rounds: Counter
    private let failures: Counter
    private let handled: Counter
    private let duration: Histogram

    /// The wait after a failure. The normal interval may be an hour.
    private static let backoff = Backoff(first: .seconds(1), most: .seconds(30))

    init(_ chore: any Chore, logger: Logger, metrics: Metrics) {
        self.chore = chore
        self.logger = logger
        let label = [(name: "chore", value: chore.name)]
        rounds = metrics.counter("winnow_keeper_rounds_total", "Rounds of a chore that ended without a fault.", label)
        failures = metrics.counter("winnow_keeper_failures_total", "Rounds of a chore that a fault ended.", label)
        handled = metrics.counter("winnow_keeper_handled_total", "Items that a chore has handled.", label)
        duration = metrics.histogram("winnow_keeper_round_duration_seconds", "Duration of a chore's round.", label)
    }

    func run(while lease: Lease) async {
        var backoff = Self.backoff
        var generator = SystemRandomNumberGenerator()
        var wait = chore.interval
        var signal: Signal?
        repeat {
            signal = chore.wake?.signal
            wait = chore.interval
            // The leader soon extends an expired lease, or cancels this task.
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

    /// - Returns: `false` if a stop was requested or the leadership was lost.
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

/// A small background job of the keeper, with its own failures, schedule and metrics.
protocol Chore: Sendable {
    /// The name in metrics, logs and fault points.
    var name: String { get }
    /// How long the keeper waits between two rounds.
    var interval: Duration { get }
    /// Ends the wait between two rounds early. `nil` if nothing does.
    var wake: Wake? { get }

    /// Does what is due, in transactions that may be repeated.
    /// - Throws: any fault. The next round then starts after a backoff.
    func work() async throws -> ChoreRound
}

extension Chore {
    var wake: Wake? { nil }
}

/// What a round of a chore has done.
struct ChoreRound: Sendable, Equatable {
    var handled: Int
    /// Whether more work is due, so that the next round follows at once.
    var hasMore = false

    static let nothing = ChoreRound(handled: 0)
}

/// Lets one job wake another one that waits for its next round.
final class Wake: Sendable {
    private let next = Mutex(Signal())

    /// A signal that fires at the next `call`. A job must take it before it looks for work: then it also wakes for a
    /// call that comes while it works.
    var signal: Signal { next.withLock(\.self) }

    func call() {
        let signal = next.withLock { next in
            defer { next = Signal() }
            return next
        }
        signal.fire()
    }
}

extension Signal {
    /// Waits until the signal fires, but not longer than `duration`.
    /// - Returns: `false` if a stop was requested or the task was cancelled.
    func wait(for duration: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await sleepUnlessShutDown(for: duration) }
            group.addTask {
                await self.wait()
                return !Task.isCancelled && GracefulShutdown.current?.isTriggered != true
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
