import Lifecycle

/// Whether everything that a topic held at the beginning is handed on.
public struct CaughtUp: Sendable {
    private let done = AsyncStream.makeStream(of: Void.self)

    public init() {}

    /// Returns once it is, or a stop came first.
    public func wait() async {
        await withTaskGroup(of: Void.self) { [stream = done.stream] group in
            group.addTask { for await _ in stream {} }
            group.addTask { await gracefulShutdown() }
            await group.next()
            group.cancelAll()
        }
    }

    func finish() { done.continuation.finish() }
}
