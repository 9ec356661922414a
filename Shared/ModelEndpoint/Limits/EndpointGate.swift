import Contracts
import Models
import Synchronization

/// Lets a call through when the breaker, the number of calls in flight and the allowances a minute permit it.
final class EndpointGate: Sendable {
    struct Settings: Equatable, Sendable {
        var maxInFlight = 16
        /// `nil` for no limit.
        var requestsPerMinute: Int?
        /// Input and output tokens together; `nil` for no limit.
        var tokensPerMinute: Int?
        var breaker = CircuitBreaker.Settings()
    }

    /// A call that was let through. It must `leave` exactly once.
    struct Pass: Sendable {
        fileprivate let permit: CircuitBreaker.Permit
        fileprivate let tokens: Int
    }

    private struct State {
        var breaker: CircuitBreaker
        var requests: TokenBucket?
        var tokens: TokenBucket?

        /// Gives back the allowances of a call that was not made.
        mutating func giveBack(_ tokens: Int, at now: ContinuousClock.Instant) {
            requests?.giveBack(1, at: now)
            self.tokens?.giveBack(tokens, at: now)
        }
    }

    /// One place in so many is kept from the background: calls of other lanes that need no more never wait for it.
    private static let reservedShare = 8

    private let places: FairSemaphore
    private let state: Mutex<State>
    private let clock: any EndpointClock
    private let metrics: EndpointMetrics
    private let name: String

    init(_ settings: Settings, name: String, clock: any EndpointClock, metrics: EndpointMetrics) {
        self.clock = clock
        self.metrics = metrics
        self.name = name
        places = FairSemaphore(settings.maxInFlight, reserved: settings.maxInFlight / Self.reservedShare)
        let now = clock.now
        state = Mutex(
            State(
                breaker: CircuitBreaker(settings.breaker),
                requests: settings.requestsPerMinute.map { TokenBucket(perMinute: $0, at: now) },
                tokens: settings.tokensPerMinute.map { TokenBucket(perMinute: $0, at: now) }))
    }

    /// - Parameters:
    ///   - tokens: the most that the call may consume.
    ///   - isBackground: whether the call lets others go first.
    /// - Throws: `ModelError` if the circuit is open, or if there is no room before the deadline; `CancellationError`.
    func enter(
        tokens: Int, deadline: ContinuousClock.Instant?, isBackground: Bool = false
    ) async throws -> Pass {
        try refuseIfOpen()
        try await takePlace(before: deadline, isBackground)
        do {
            try await waitForAllowance(tokens, before: deadline)
            return Pass(permit: try admit(returning: tokens), tokens: tokens)
        } catch {
            givePlaceBack()
            throw error
        }
    }

    /// - Parameter consumed: the tokens that the call really consumed.
    func leave(_ pass: Pass, _ outcome: CircuitBreaker.Outcome, consumed: Int) {
        let now = clock.now
        let changed = state.withLock { state -> CircuitBreaker.State? in
            if consumed < pass.tokens { state.tokens?.giveBack(pass.tokens - consumed, at: now) }
            // A call that consumed more than it was let through for takes from what comes next.
            if consumed > pass.tokens { _ = state.tokens?.take(consumed - pass.tokens, at: now) }
            return state.breaker.record(outcome, of: pass.permit, at: now) ? state.breaker.state : nil
        }
        if let changed { metrics.breakerChanged(changed) }
        givePlaceBack()
    }

    var breakerState: CircuitBreaker.State { state.withLock { $0.breaker.state } }

    private func refuseIfOpen() throws {
        let now = clock.now
        if let refusal = state.withLock({ $0.breaker.refusal(at: now) }) { throw error(refusal, at: now) }
    }

    private func admit(returning tokens: Int) throws -> CircuitBreaker.Permit {
        let now = clock.now
        let (result, changed) = state.withLock {
            state -> (Result<CircuitBreaker.Permit, CircuitBreaker.Refusal>, CircuitBreaker.State?) in
            let before = state.breaker.state
            let result = Result { () throws(CircuitBreaker.Refusal) in try state.breaker.admit(at: now) }
            if case .failure = result { state.giveBack(tokens, at: now) }
            return (result, state.breaker.state == before ? nil : state.breaker.state)
        }
        if let changed { metrics.breakerChanged(changed) }
        do {
            return try result.get()
        } catch {
            throw self.error(error, at: now)
        }
    }

    private func takePlace(before deadline: ContinuousClock.Instant?, _ isBackground: Bool) async throws {
        if !places.takeAtOnce(inBackground: isBackground) {
            metrics.waits(for: .inFlight)
            metrics.show(places.figures)
            let isTaken: Void? = try await clock.limited(until: deadline) { [places] in
                try await places.take(inBackground: isBackground)
            }
            guard isTaken != nil else { throw late("no call may begin before the deadline: too many are in flight") }
        }
        metrics.show(places.figures)
    }

    private func givePlaceBack() {
        places.giveBack()
        metrics.show(places.figures)
    }

    private func waitForAllowance(_ tokens: Int, before deadline: ContinuousClock.Instant?) async throws {
        let now = clock.now
        let (forRequests, forTokens) = state.withLock { state in
            (state.requests?.take(1, at: now) ?? .zero, state.tokens?.take(tokens, at: now) ?? .zero)
        }
        let wait = max(forRequests, forTokens)
        guard wait > .zero else { return }
        metrics.waits(for: forRequests >= forTokens ? .requests : .tokens)
        do {
            if let deadline, now + wait > deadline {
                var error = late("the allowance a minute has no room before the deadline")
                error.retryAfter = wait
                throw error
            }
            try await clock.pause(until: now + wait)
        } catch {
            let now = clock.now
            state.withLock { $0.giveBack(tokens, at: now) }
            throw error
        }
    }

    private func late(_ reason: StaticString) -> ModelError {
        ModelError(.rateLimited, "endpoint \(name): \(reason)", isRetriable: true)
    }

    private func error(_ refusal: CircuitBreaker.Refusal, at now: ContinuousClock.Instant) -> ModelError {
        let wait = refusal.until.map { max(.zero, $0 - now) }
        let until = wait.map { "open until \(clock.time.adding(milliseconds: Int64($0.milliseconds)))" }
        return ModelError(
            .circuitOpen, "endpoint \(name): the circuit is \(until ?? "open while one call probes the server")",
            isRetriable: true, isDependencyUnavailable: true, retryAfter: wait)
    }
}

extension EndpointClock {
    /// Cancels `body` at the deadline.
    /// - Returns: `nil` if it had not ended by then.
    func limited<Result: Sendable>(
        until deadline: ContinuousClock.Instant?, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result? {
        guard let deadline else { return try await body() }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await pause(until: deadline)
                return nil
            }
            let first = await group.nextResult()
            group.cancelAll()
            if case .success(let result?)? = first { return result }
            // The body may have ended at the same moment. What it returns, such as a place, must not be lost.
            if case .success(let result?)? = await group.nextResult() { return result }
            return try first?.get() ?? nil
        }
    }
}
