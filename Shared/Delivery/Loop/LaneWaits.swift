import MessageBus
import Synchronization
import Telemetry

/// The waits of a loop: its partitions are paused while there is at least one, and it is not ready while one of them is
/// for a dependency.
///
/// Records in flight wait independently of each other. If each paused and resumed by itself, the first to go on would
/// resume the partitions of a loop that others still hold.
final class LaneWaits: Sendable {
    private struct State {
        var pauses = 0
        var dependencies = 0
        var isPaused = false
        var isApplying = false
    }

    private let consumer: any MessageConsumer
    private let logger: Logger
    private let onReadiness: @Sendable (Bool) -> Void
    private let state = Mutex(State())

    init(consumer: any MessageConsumer, logger: Logger, onReadiness: @escaping @Sendable (Bool) -> Void) {
        self.consumer = consumer
        self.logger = logger
        self.onReadiness = onReadiness
    }

    func pause() async { await apply { $0.pauses += 1 } }

    func resume() async { await apply { $0.pauses -= 1 } }

    func beginDependencyWait(_ error: any Error) async {
        await pause()
        guard state.withLock({ $0.dependencies.increment() == 1 }) else { return }
        onReadiness(false)
        logger.warning(
            "Delivery is waiting for a dependency",
            metadata: [LogKeys.errorType: Fault.type(of: error), LogKeys.errorMessage: "\(error)"])
    }

    /// - Parameter inBetween: called once the partitions are resumed, before the loop is ready.
    func endDependencyWait(_ inBetween: () -> Void = {}) async {
        await resume()
        inBetween()
        guard state.withLock({ $0.dependencies.decrement() == 0 }) else { return }
        onReadiness(true)
        logger.notice("Delivery resumed")
    }

    /// Pauses or resumes the consumer if that is called for. One task does so at a time, until nothing has changed
    /// meanwhile: two concurrent calls could otherwise take effect in the wrong order.
    private func apply(_ change: (inout State) -> Void) async {
        var next = state.withLock { state -> Bool? in
            change(&state)
            guard !state.isApplying else { return nil }
            return Self.next(&state)
        }
        while let isPaused = next {
            await isPaused ? consumer.pause() : consumer.resume()
            next = state.withLock { Self.next(&$0) }
        }
    }

    private static func next(_ state: inout State) -> Bool? {
        let isPaused = state.pauses > 0
        state.isApplying = state.isPaused != isPaused
        guard state.isApplying else { return nil }
        state.isPaused = isPaused
        return isPaused
    }
}

extension Int {
    fileprivate mutating func increment() -> Int {
        self += 1
        return self
    }

    fileprivate mutating func decrement() -> Int {
        self -= 1
        return self
    }
}
