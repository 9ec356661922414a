import Synchronization

/// Bounds how many calls are in flight. Waiters get their turn in the order in which they came, and those in the
/// background after the others. Some places may be kept from the background, since its calls begin and end in waves, and
/// whoever comes within a wave would wait for its end. Every fourth turn is one of the background all the same, so that it
/// never starves.
public final class FairSemaphore: Sendable {
    private typealias Waiter = (id: Int, continuation: CheckedContinuation<Void, any Error>)

    private struct State {
        var free: Int
        let reserved: Int
        var lastID = 0
        var waiters: [Waiter] = []
        var background: [Waiter] = []
        /// The turns of others while the background waits.
        var turns = 0
        /// Waiters that were cancelled before they joined the line.
        var cancelled: Set<Int> = []
        /// Waiters that have not joined the line yet.
        var joining: Set<Int> = []

        /// Takes a place if one is free that nobody waits for.
        mutating func take(inBackground isBackground: Bool) -> Bool {
            let isOpen = isBackground ? free > reserved && background.isEmpty : free > 0
            guard isOpen, waiters.isEmpty else { return false }
            free -= 1
            countTurn()
            return true
        }

        /// Gives a place back, or to the waiter whose turn it is.
        /// - Returns: the waiter, removed.
        mutating func giveBack() -> Waiter? {
            let isTurnOfBackground = turns >= FairSemaphore.turnsBeforeBackground
            if !background.isEmpty, isTurnOfBackground || (waiters.isEmpty && free >= reserved) {
                turns = 0
                return background.removeFirst()
            }
            guard !waiters.isEmpty else {
                free += 1
                return nil
            }
            countTurn()
            return waiters.removeFirst()
        }

        private mutating func countTurn() {
            if !background.isEmpty { turns += 1 }
        }
    }

    private static let turnsBeforeBackground = 3

    let count: Int
    private let state: Mutex<State>

    /// - Parameters:
    ///   - count: how many places there are; at least one.
    ///   - reserved: how many of them the background has no claim to; less than all.
    public init(_ count: Int, reserved: Int = 0) {
        self.count = count
        state = Mutex(State(free: count, reserved: reserved))
    }

    /// The number of calls in flight, and of those that wait.
    var figures: (taken: Int, waiting: Int) {
        state.withLock { (count - $0.free, $0.waiters.count + $0.background.count) }
    }

    /// Takes a place if one is free that nobody waits for.
    func takeAtOnce(inBackground isBackground: Bool = false) -> Bool {
        state.withLock { $0.take(inBackground: isBackground) }
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
        let next = state.withLock { $0.giveBack() }
        next?.continuation.resume()
    }

    private func join(_ id: Int, _ continuation: CheckedContinuation<Void, any Error>, _ isBackground: Bool) {
        let result = state.withLock { state -> Result<Void, any Error>? in
            state.joining.remove(id)
            if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
            if state.take(inBackground: isBackground) { return .success(()) }
            if isBackground {
                state.background.append((id, continuation))
            } else {
                state.waiters.append((id, continuation))
            }
            return nil
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
