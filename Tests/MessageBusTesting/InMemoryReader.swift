import MessageBus
import Synchronization

/// Reads all records of a topic of an `InMemoryBus`, from the beginning.
public final class InMemoryReader: PolledReader {
    public let backlog: [TopicPartition: Int64] = [:]
    private let bus: InMemoryBus
    private let topic: String
    private let onIdle: @Sendable (Duration) async throws -> Void
    private let state = Mutex((taken: 0, isStopped: false))

    /// - Parameters:
    ///   - topic: has one partition.
    ///   - onIdle: called with the wait of a poll that finds no record. The poll then returns at once, so that the
    ///     test's clock decides how long it took.
    public init(
        _ bus: InMemoryBus, topic: String, onIdle: @escaping @Sendable (Duration) async throws -> Void = { _ in }
    ) {
        (self.bus, self.topic, self.onIdle) = (bus, topic, onIdle)
    }

    public func nextBatch() async throws -> [Record]? {
        let taken = state.withLock { $0.taken }
        _ = await bus.records(in: topic, atLeast: taken + 1)
        return Task.isCancelled ? nil : take()
    }

    public func nextBatch(within wait: Duration) async throws -> [Record]? {
        let batch = take()
        if batch?.isEmpty == true { try await onIdle(wait) }
        return batch
    }

    public func stop() { state.withLock { $0.isStopped = true } }

    private func take() -> [Record]? {
        state.withLock { state in
            guard !state.isStopped else { return nil }
            let batch = Array(bus.records(in: topic).dropFirst(state.taken))
            state.taken += batch.count
            return batch
        }
    }
}
