import Contracts
import Synchronization

/// What was published last, and when. It is due again when it has changed, and after a while.
final class LastPublication<Value: Equatable & Sendable>: Sendable {
    private let repeatAfterMilliseconds: Int64
    private let last = Mutex<(value: Value, at: Timestamp)?>(nil)

    init(repeatAfterMilliseconds: Int64) { self.repeatAfterMilliseconds = repeatAfterMilliseconds }

    func isDue(_ value: Value, at time: Timestamp) -> Bool {
        last.withLock { last in
            guard let last else { return true }
            return last.value != value || last.at.adding(milliseconds: repeatAfterMilliseconds) <= time
        }
    }

    /// - Returns: whether the value differs from the last publication.
    func note(_ value: Value, at time: Timestamp) -> Bool {
        last.withLock { last in
            defer { last = (value, time) }
            return last?.value != value
        }
    }
}
