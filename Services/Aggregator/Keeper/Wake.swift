import Lifecycle
import Synchronization

/// Ends another job's wait.
final class Wake: Sendable {
    private let next = Mutex(Signal())

    /// Fires with the next `call`. Taken before the work that a call may concern, it misses none.
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
    /// Waits until it fires, but not longer than `duration`.
    /// - Returns: `false` when a stop came, or the task was cancelled.
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
