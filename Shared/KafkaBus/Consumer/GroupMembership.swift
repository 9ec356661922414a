import Synchronization

/// Coordinates a drain: an operator's wish that the consumer leave its group, and how far the consumer has followed it.
final class GroupMembership: Sendable {
    enum Move { case unsubscribe, subscribe, none }

    private struct State {
        var mustLeave = false
        var hasLeft = false
        var left: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Whether the consumer takes part in its group and is not asked to leave it, so that it may return batches.
    var isActive: Bool { state.withLock { !$0.mustLeave && !$0.hasLeft } }

    /// Whether the consumer has been asked to leave its group and has not been asked to rejoin it.
    var mustLeave: Bool { state.withLock(\.mustLeave) }

    /// Whether the consumer still has to leave, to rejoin, or to report that it has left. The next poll must be short
    /// then.
    var isMoving: Bool { state.withLock { $0.mustLeave != $0.hasLeft || $0.left != nil } }

    /// Asks the consumer to leave its group.
    /// - Parameter left: called once no partition is assigned.
    func leave(_ left: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard !state.mustLeave else { return }
            state.mustLeave = true
            state.left = left
        }
    }

    /// Asks the consumer to rejoin its group.
    func rejoin() {
        state.withLock { state in
            state.mustLeave = false
            state.left = nil
        }
    }

    /// Lets a stalled member leave the group and join it again.
    /// - Returns: whether the caller must unsubscribe now; `false` if the member has left or is about to leave anyway.
    func bounce() -> Bool {
        state.withLock { state in
            guard !state.mustLeave, !state.hasLeft else { return false }
            state.hasLeft = true
            return true
        }
    }

    /// Returns the next action of the consumer's thread, and calls what `leave` was given when the consumer has left. The consumer
    /// subscribes again only once no partition is assigned. With a partition that it kept, librdkafka would continue
    /// after the last record that it returned, and records that were fetched and dropped while leaving would be lost.
    func move(holdsPartitions: Bool) -> Move {
        let (move, left) = state.withLock { state -> (Move, (@Sendable () -> Void)?) in
            switch (state.mustLeave, state.hasLeft) {
            case (true, false):
                state.hasLeft = true
                return (.unsubscribe, nil)
            case (true, true) where !holdsPartitions:
                defer { state.left = nil }
                return (.none, state.left)
            case (false, true) where !holdsPartitions:
                state.hasLeft = false
                return (.subscribe, nil)
            default: return (.none, nil)
            }
        }
        left?()
        return move
    }
}
