import MessageBus
import Synchronization

/// The records that the members of a group have received.
final class Tally: Sendable {
    fileprivate struct State {
        var numbers: Set<Int> = []
        var records = 0
        var members: Set<Int> = []
        var waiting: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    var members: Int { state.withLock(\.members.count) }
    var numbers: Set<Int> { state.withLock(\.numbers) }
    /// Includes redelivered records.
    var records: Int { state.withLock(\.records) }

    func add(_ batch: [Record], by member: Int) {
        state.withLock { state in
            state.numbers.formUnion(batch.compactMap(\.number))
            state.records += batch.count
            state.members.insert(member)
            return state.takeReady()
        }?.resume()
    }

    /// Runs until the consumer is stopped.
    func take(from consumer: any MessageConsumer, as member: Int) async throws {
        while let batch = try await consumer.nextBatch() {
            add(batch, by: member)
            try await consumer.commit(batch)
        }
    }

    /// Returns as soon as `count` different records have arrived.
    func waitFor(count: Int) async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                state.waiting = (count, continuation)
                return state.takeReady()
            }?.resume()
        }
    }
}

extension Tally.State {
    fileprivate mutating func takeReady() -> CheckedContinuation<Void, Never>? {
        guard let waiting, numbers.count >= waiting.count else { return nil }
        self.waiting = nil
        return waiting.continuation
    }
}
