import Synchronization

/// Whether a consumer is to stay away from its group, and whether it has left.
final class Absence: Sendable {
    enum Move { case unsubscribe, subscribe, none }

    private struct State {
        var isWanted = false
        var hasLeft = false
        var gone: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Whether batches may be handed out.
    var isOver: Bool { state.withLock { !$0.isWanted && !$0.hasLeft } }

    /// Whether it is to stay away until it is called back.
    var isWanted: Bool { state.withLock(\.isWanted) }

    /// Whether it has something to do at once, and not within a second.
    var isMoving: Bool { state.withLock { $0.isWanted != $0.hasLeft || $0.gone != nil } }

    func begin(_ gone: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard !state.isWanted else { return }
            state.isWanted = true
            state.gone = gone
        }
    }

    func end() {
        state.withLock { state in
            state.isWanted = false
            state.gone = nil
        }
    }

    /// Has a member leave the group and join it again.
    /// - Returns: whether it is to unsubscribe now; `false` when it is away or about to leave anyway.
    func bounce() -> Bool {
        state.withLock { state in
            guard !state.isWanted, !state.hasLeft else { return false }
            state.hasLeft = true
            return true
        }
    }

    /// What the consumer's thread is to do next. It subscribes again only once it holds no partition: librdkafka goes on
    /// behind what it has handed out, and what is fetched while leaving is dropped.
    func move(holdsPartitions: Bool) -> Move {
        let (move, gone) = state.withLock { state -> (Move, (@Sendable () -> Void)?) in
            switch (state.isWanted, state.hasLeft) {
            case (true, false):
                state.hasLeft = true
                return (.unsubscribe, nil)
            case (true, true) where !holdsPartitions:
                defer { state.gone = nil }
                return (.none, state.gone)
            case (false, true) where !holdsPartitions:
                state.hasLeft = false
                return (.subscribe, nil)
            default: return (.none, nil)
            }
        }
        gone?()
        return move
    }
}
