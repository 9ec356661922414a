import Synchronization

/// Calls of handlers that take long: each ends when the test answers it, or when its task is cancelled.
public final class SlowCalls: Sendable {
    public struct State: Sendable {
        /// The texts of all calls that have begun, in order.
        public var begun: [String] = []
        public var cancelled: [String] = []
        public var running = 0
        /// The most calls that ran at once.
        public var most = 0
        fileprivate var answered: Set<String> = []
        fileprivate var open: [String: [CheckedContinuation<Void, Never>]] = [:]
        fileprivate var observers: [AsyncStream<Void>.Continuation] = []
    }

    private let state = Mutex(State())
    private let heedsCancellation: Bool

    /// - Parameter heedsCancellation: whether a cancelled call ends before it is answered.
    public init(heedsCancellation: Bool = true) { self.heedsCancellation = heedsCancellation }

    public var now: State { state.withLock(\.self) }

    public func call(_ text: String) async throws {
        change { state in
            state.begun.append(text)
            state.running += 1
            state.most = max(state.most, state.running)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ends = state.withLock { state in
                    if state.answered.contains(text) || heedsCancellation && Task.isCancelled { return true }
                    state.open[text, default: []].append(continuation)
                    return false
                }
                if ends { continuation.resume() }
            }
        } onCancel: {
            if heedsCancellation { end([text]) }
        }
        let isCancelled = Task.isCancelled
        change { state in
            state.running -= 1
            if isCancelled { state.cancelled.append(text) }
        }
        try Task.checkCancellation()
    }

    /// Answers the calls with these texts, also those that begin later.
    public func answer(_ texts: String...) { answer(texts) }

    public func answer(_ texts: [String]) {
        state.withLock { $0.answered.formUnion(texts) }
        end(texts)
    }

    private func end(_ texts: [String]) {
        let ended = state.withLock { state in texts.flatMap { state.open.removeValue(forKey: $0) ?? [] } }
        for continuation in ended { continuation.resume() }
    }

    /// Returns once the condition holds.
    public func wait(until condition: (State) -> Bool) async {
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.observers.append(continuation) }
        continuation.yield()
        for await _ in changes where condition(now) { return }
    }

    /// Returns once this many calls have begun.
    public func begun(_ count: Int) async { await wait { $0.begun.count >= count } }

    private func change(_ body: (inout State) -> Void) {
        let observers = state.withLock { state in
            body(&state)
            return state.observers
        }
        for observer in observers { observer.yield() }
    }
}
