import Synchronization

/// Bounds how many calls are in flight. Waiters get their turn in the order in which they came.
final class FairSemaphore: Sendable {
    private struct State {
        var free: Int
        var lastID = 0
        var waiters: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
        /// Waiters that were cancelled before they joined the line.
        var cancelled: Set<Int> = []
        /// Waiters that have not joined the line yet.
        var joining: Set<Int> = []
    }

    let count: Int
    private let state: Mutex<State>

    init(_ count: Int) {
        self.count = count
        state = Mutex(State(free: count))
    }

    /// The number of calls in flight, and of those that wait.
    var figures: (taken: Int, waiting: Int) { state.withLock { (count - $0.free, $0.waiters.count) } }

    /// Takes a place if one is free and nobody waits for it.
    func takeAtOnce() -> Bool {
        state.withLock { state in
            guard state.free > 0, state.waiters.isEmpty else { return false }
            state.free -= 1
            return true
        }
    }

    /// - Throws: `CancellationError`. No place is taken then.
    func take() async throws {
        let id = state.withLock { state in
            state.lastID += 1
            state.joining.insert(state.lastID)
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { join(id, $0) }
        } onCancel: {
            cancel(id)
        }
    }

    func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard !state.waiters.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst().continuation
        }
        next?.resume()
    }

    private func join(_ id: Int, _ continuation: CheckedContinuation<Void, any Error>) {
        let result = state.withLock { state -> Result<Void, any Error>? in
            state.joining.remove(id)
            if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
            guard state.free > 0, state.waiters.isEmpty else {
                state.waiters.append((id, continuation))
                return nil
            }
            state.free -= 1
            return .success(())
        }
        if let result { continuation.resume(with: result) }
    }

    private func cancel(_ id: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            if let index = state.waiters.firstIndex(where: { $0.id == id }) {
                return state.waiters.remove(at: index).continuation
            }
            // A waiter that has its place already keeps it: whoever took it gives it back.
            if state.joining.contains(id) { state.cancelled.insert(id) }
            return nil
        }
        waiter?.resume(throwing: CancellationError())
    }
}
