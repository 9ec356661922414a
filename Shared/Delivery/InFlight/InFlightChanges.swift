import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// What others wait for: room, the end of tasks, and offsets that may be committed.
extension InFlightRecords {
    /// The positions to commit. If there are any, the caller must call `endCommit`.
    /// - Returns: `nil` while another commit is in progress: two at once could take effect in the wrong order.
    func beginCommit() -> [CommitPosition]? {
        state.withLock { state in
            guard !state.isCommitting else { return nil }
            let due = state.tracker.due
            state.isCommitting = !due.isEmpty
            return due
        }
    }

    func endCommit(_ committed: [CommitPosition]) {
        change { state in
            state.isCommitting = false
            state.tracker.settle(committed)
        }
    }

    /// Whether something of these partitions can be committed.
    func hasDue(_ partitions: Set<TopicPartition>) -> Bool {
        state.withLock { state in state.tracker.due.contains { partitions.contains($0.partition) } }
    }

    /// Notes that the loop takes no records until there is room.
    /// - Returns: `false` if there is room, or if that was noted before.
    func hold() -> Bool {
        state.withLock { state in
            guard !state.isHeld, !state.hasRoom(limits) else { return false }
            state.isHeld = true
            return true
        }
    }

    /// - Returns: whether a loop that took no records must take some again.
    func endHold() -> Bool {
        state.withLock { state in
            guard state.isHeld, state.hasRoom(limits) else { return false }
            state.isHeld = false
            return true
        }
    }

    /// Waits for room, at most for this time, and not while the service is shutting down.
    func waitForRoom(upTo time: Duration) async -> Bool {
        await wait(until: { [limits] in $0.hasRoom(limits) }, orUntil: { _ = await sleepUnlessShutDown(for: time) })
    }

    /// Waits until the condition holds, for this time at most.
    @discardableResult
    func wait(upTo time: Duration? = nil, until condition: @escaping @Sendable (State) -> Bool) async -> Bool {
        guard let time else { return await wait(until: condition, orUntil: nil) }
        return await wait(until: condition, orUntil: { try? await Task.sleep(for: time) })
    }

    private func wait(
        until condition: @escaping @Sendable (State) -> Bool, orUntil isLate: (@Sendable () async -> Void)?
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in self.changes() where self.state.withLock({ condition($0) }) { return true }
                return false
            }
            if let isLate {
                group.addTask {
                    await isLate()
                    return false
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    /// Yields at once, and after changes. Several changes may be one element.
    func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.lastToken += 1
            state.observers[state.lastToken] = continuation
            return state.lastToken
        }
        continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.observers[id] = nil } }
        continuation.yield()
        return stream
    }

    func change<Result>(_ body: (inout State) -> Result) -> Result {
        let (result, observers) = state.withLock { state in
            let result = body(&state)
            gauge.set(state.running)
            return (result, Array(state.observers.values))
        }
        for observer in observers { observer.yield() }
        return result
    }
}
