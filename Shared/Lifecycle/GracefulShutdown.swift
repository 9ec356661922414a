import Synchronization

/// A request to stop one service. The code of the service finds it in a task-local value.
public final class GracefulShutdown: Sendable {
    @TaskLocal public static var current: GracefulShutdown?

    private struct State {
        var isTriggered = false
        var handlers: [Int: @Sendable () -> Void] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    public init() {}

    public var isTriggered: Bool { state.withLock(\.isTriggered) }

    /// Calls every handler once. Later calls do nothing.
    public func trigger() {
        let handlers = state.withLock { state -> [@Sendable () -> Void] in
            guard !state.isTriggered else { return [] }
            state.isTriggered = true
            defer { state.handlers = [:] }
            return state.handlers.sorted { $0.key < $1.key }.map(\.value)
        }
        for handler in handlers { handler() }
    }

    /// - Returns: `nil` if the shutdown was already triggered; `handler` has then been called.
    func add(_ handler: @escaping @Sendable () -> Void) -> Int? {
        let id = state.withLock { state -> Int? in
            guard !state.isTriggered else { return nil }
            state.nextID += 1
            state.handlers[state.nextID] = handler
            return state.nextID
        }
        if id == nil { handler() }
        return id
    }

    func remove(_ id: Int) { state.withLock { $0.handlers[id] = nil } }
}

/// Runs `operation`, and calls `handler` when this service is asked to stop, or at once if it was asked before.
public func withGracefulShutdownHandler<Result>(
    isolation: isolated (any Actor)? = #isolation, operation: () async throws -> Result,
    onGracefulShutdown handler: @escaping @Sendable () -> Void
) async rethrows -> Result {
    guard let shutdown = GracefulShutdown.current else { return try await operation() }
    let id = shutdown.add(handler)
    defer { if let id { shutdown.remove(id) } }
    return try await operation()
}

/// Returns when this service is asked to stop, or its task is cancelled.
public func gracefulShutdown() async {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    await withGracefulShutdownHandler {
        for await _ in stream {}
    } onGracefulShutdown: {
        continuation.finish()
    }
}

/// Sleeps until `duration` has passed or this service is asked to stop.
/// - Returns: whether the whole time has passed.
public func sleepUnlessShutDown(for duration: Duration) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
        group.addTask { (try? await Task.sleep(for: duration)) != nil }
        group.addTask {
            await gracefulShutdown()
            return false
        }
        defer { group.cancelAll() }
        return await group.next() ?? false
    }
}

/// An event that happens once. Any number of tasks may wait for it.
public final class Signal: Sendable {
    /// `nil` once the event has happened.
    private let waiting = Mutex<[AsyncStream<Void>.Continuation]?>([])

    public init() {}

    public func fire() {
        let released = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting ?? []
        }
        for continuation in released { continuation.finish() }
    }

    /// Returns once the event has happened, a stop was requested, or the task is cancelled.
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
