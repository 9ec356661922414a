import Synchronization

/// Bounds how many calls are in flight. Waiters get their turn in the order in which they came, and those in the
/// background after the others. Every fourth turn is one of the background all the same, so that it never starves.
public final class FairSemaphore: Sendable {
    private typealias Waiter = (id: Int, continuation: CheckedContinuation<Void, any Error>)

    private struct State {
        var free: Int
        var lastID = 0
        var waiters: [Waiter] = []
        var background: [Waiter] = []
        /// The turns since one of the background.
        var turns = 0
        /// Waiters that were cancelled before they joined the line.
        var cancelled: Set<Int> = []
        /// Waiters that have not joined the line yet.
        var joining: Set<Int> = []

        var isWaitedFor: Bool { !waiters.isEmpty || !background.isEmpty }

        /// Removes the waiter whose turn it is.
        mutating func next() -> Waiter? {
            guard !background.isEmpty, waiters.isEmpty || turns >= FairSemaphore.turnsBeforeBackground else {
                turns += 1
                return waiters.isEmpty ? nil : waiters.removeFirst()
            }
            turns = 0
            return background.removeFirst()
        }
    }

    private static let turnsBeforeBackground = 3

    let count: Int
    private let state: Mutex<State>

    /// - Parameter count: how many places there are; at least one.
    public init(_ count: Int) {
        self.count = count
        state = Mutex(State(free: count))
    }

    /// The number of calls in flight, and of those that wait.
    var figures: (taken: Int, waiting: Int) {
        state.withLock { (count - $0.free, $0.waiters.count + $0.background.count) }
    }

    /// Takes a place if one is free and nobody waits for it.
    func takeAtOnce() -> Bool {
        state.withLock { state in
            guard state.free > 0, !state.isWaitedFor else { return false }
            state.free -= 1
            return true
        }
    }

    /// Waits for a place. It must be given back.
    /// - Throws: `CancellationError`. No place is taken then.
    public func take(inBackground isBackground: Bool = false) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            state.joining.insert(state.lastID)
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { join(id, $0, isBackground) }
        } onCancel: {
            cancel(id)
        }
    }

    public func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard let next = state.next() else {
                state.free += 1
                return nil
            }
            return next.continuation
        }
        next?.resume()
    }

    private func join(_ id: Int, _ continuation: CheckedContinuation<Void, any Error>, _ isBackground: Bool) {
        let result = state.withLock { state -> Result<Void, any Error>? in
            state.joining.remove(id)
            if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
            guard state.free > 0, !state.isWaitedFor else {
                if isBackground {
                    state.background.append((id, continuation))
                } else {
                    state.waiters.append((id, continuation))
                }
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
            if let index = state.background.firstIndex(where: { $0.id == id }) {
                return state.background.remove(at: index).continuation
            }
            // A waiter that has its place already keeps it: whoever took it gives it back.
            if state.joining.contains(id) { state.cancelled.insert(id) }
            return nil
        }
        waiter?.resume(throwing: CancellationError())
    }
}
