import Synchronization

/// Something that happens once, for which any number may wait.
public final class Signal: Sendable {
    /// `nil` once it has happened.
    private let waiting = Mutex<[AsyncStream<Void>.Continuation]?>([])

    public init() {}

    public func fire() {
        let released = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting ?? []
        }
        for continuation in released { continuation.finish() }
    }

    /// Returns once it has happened, a stop came, or the task is cancelled.
    public func wait() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let hasHappened = waiting.withLock { waiting in
            waiting?.append(continuation)
            return waiting == nil
        }
        guard !hasHappened else { return }
        await withGracefulShutdownHandler {
            for await _ in stream {}
        } onGracefulShutdown: {
            continuation.finish()
        }
    }
}
