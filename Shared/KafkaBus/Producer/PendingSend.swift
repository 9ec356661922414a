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

    /// A retained reference for one record's message. `take` releases it.
    var opaque: UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

    static func take(_ opaque: UnsafeMutableRawPointer) -> PendingSend {
        Unmanaged<PendingSend>.fromOpaque(opaque).takeRetainedValue()
    }

    /// Only the first failure is reported.
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

    /// Returns when every record is settled or the task is cancelled. After a cancellation the records may or may not
    /// be written. Must be called once.
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
        let error = MessageBusError(.timedOut, "the send was cancelled before the acknowledgement", isRetriable: true)
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

#if DEBUG
    import CRDKafka
    import Glibc

    /// Writes a line for each record that a broker has acknowledged, so that a chaos test can distinguish records that
    /// the embedded broker lost from records that were never written. Only in debug builds.
    ///
    /// Several processes append to one file. Each line is a single `write`, which the kernel does not interleave.
    /// - Shape: `topic TAB partition TAB offset TAB key TAB milliseconds since 1970`
    enum AcknowledgementJournal {
        private static let descriptor: Int32? = getenv("WINNOW_ACKNOWLEDGEMENT_FILE").flatMap { path in
            let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            return opened < 0 ? nil : opened
        }

        static func note(_ message: UnsafePointer<rd_kafka_message_t>) {
            guard let descriptor, let topic = message.pointee.rkt, let name = rd_kafka_topic_name(topic) else { return }
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let key = UnsafeRawBufferPointer(start: message.pointee.key, count: message.pointee.key_len)
            let milliseconds = Int(now.tv_sec) * 1000 + now.tv_nsec / 1_000_000
            let line =
                "\(String(cString: name))\t\(message.pointee.partition)\t\(message.pointee.offset)\t"
                + "\(String(decoding: key, as: UTF8.self))\t\(milliseconds)\n"
            _ = Array(line.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        }
    }
#endif
