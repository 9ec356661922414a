import Contracts
import Synchronization

@testable import ModelEndpoint

/// A clock that jumps to the end of every pause, and remembers them.
final class SkippingClock: EndpointClock {
    private let state: Mutex<(now: ContinuousClock.Instant, pauses: [Duration])>

    init(_ now: ContinuousClock.Instant = .now) { state = Mutex((now, [])) }

    var now: ContinuousClock.Instant { state.withLock(\.now) }
    var time: Timestamp { Timestamp(milliseconds: 1_700_000_000_000) }
    var pauses: [Duration] { state.withLock(\.pauses) }

    func pause(until instant: ContinuousClock.Instant) async throws {
        try Task.checkCancellation()
        state.withLock {
            $0.pauses.append($0.now.duration(to: instant))
            $0.now = max($0.now, instant)
        }
    }
}

/// A clock that stands still until a test moves it.
final class ManualClock: EndpointClock {
    private struct State {
        var now: ContinuousClock.Instant
        var lastID = 0
        var sleepers: [Int: (end: ContinuousClock.Instant, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var cancelled: Set<Int> = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    init(_ now: ContinuousClock.Instant = .now) { state = Mutex(State(now: now)) }

    var now: ContinuousClock.Instant { state.withLock(\.now) }
    var time: Timestamp { Timestamp(milliseconds: 1_700_000_000_000) }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.end <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Waits until so many tasks sleep.
    func sleepers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.count < count { state.watchers.append((count, continuation)) }
                return state.sleepers.count >= count
            }
            if isThere { continuation.resume() }
        }
    }

    func pause(until instant: ContinuousClock.Instant) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Step { case wake, cancel, wait([CheckedContinuation<Void, Never>]) }
                let step = state.withLock { state -> Step in
                    if state.cancelled.contains(id) { return .cancel }
                    if instant <= state.now { return .wake }
                    state.sleepers[id] = (instant, continuation)
                    let count = state.sleepers.count
                    let told = state.watchers.filter { $0.count <= count }.map(\.continuation)
                    state.watchers.removeAll { $0.count <= count }
                    return .wait(told)
                }
                switch step {
                case .wake: continuation.resume()
                case .cancel: continuation.resume(throwing: CancellationError())
                case .wait(let told): for watcher in told { watcher.resume() }
                }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                state.cancelled.insert(id)
                return state.sleepers.removeValue(forKey: id)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
