import MessageBus
import Synchronization

/// Waits for the delivery reports of one `send`.
final class PendingSend: Sendable {
    private struct State {
        var outstanding: Int
        var isAbandoned = false
        var failure: MessageBusError?
        var continuation: CheckedContinuation<Void, any Error>?
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(outstanding: count)) }

    /// A share for one record's message; `settle` through `take` gives it back.
    var opaque: UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

    static func take(_ opaque: UnsafeMutableRawPointer) -> PendingSend {
        Unmanaged<PendingSend>.fromOpaque(opaque).takeRetainedValue()
    }

    /// The first failure is the one that is told.
    func settle(_ count: Int = 1, failure: MessageBusError? = nil) {
        let ended = state.withLock { state in
            state.outstanding -= count
            state.failure = state.failure ?? failure
            guard state.outstanding == 0, let continuation = state.continuation else {
                return nil as (CheckedContinuation<Void, any Error>, MessageBusError?)?
            }
            state.continuation = nil
            return (continuation, state.failure)
        }
        guard let (continuation, failure) = ended else { return }
        if let failure { continuation.resume(throwing: failure) } else { continuation.resume() }
    }

    /// Returns when every record is settled, or the task is cancelled: then they may be written or not. Asked once.
    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.outstanding > 0, !state.isAbandoned else { return true }
                    state.continuation = continuation
                    return false
                }
                guard isOver else { return }
                if let failure = state.withLock(\.failure) {
                    continuation.resume(throwing: failure)
                } else {
                    continuation.resume()
                }
            }
        } onCancel: {
            abandon()
        }
    }

    private func abandon() {
        let error = MessageBusError(.timedOut, "nobody waits for the acknowledgement", isRetriable: true)
        let continuation = state.withLock { state in
            guard state.outstanding > 0 else { return nil as CheckedContinuation<Void, any Error>? }
            state.isAbandoned = true
            state.failure = state.failure ?? error
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(throwing: error)
    }
}
