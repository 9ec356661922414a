/// Stops calls to a server that fails, so that callers fail at once and the server can recover.
///
/// A value without a clock and without I/O: the caller says when something happens, and acts on what it returns.
/// - Source: M. Nygard, "Release It!", Circuit Breaker
struct CircuitBreaker: Sendable {
    struct Settings: Equatable, Sendable {
        /// Failures in a row that open the circuit.
        var consecutiveFailures = 5
        /// The share of failures among the last `window` calls that opens the circuit.
        var failureRatio = 0.5
        /// - Units: calls. The ratio counts only once there are so many.
        var window = 20
        var openTime = Duration.seconds(30)
    }

    enum State: Equatable, Sendable {
        case closed
        case open(until: ContinuousClock.Instant)
        /// One call may probe the server. All others fail as if it were open.
        case halfOpen(isProbing: Bool)
    }

    /// Permission to make one call. It must be given back with `record` exactly once.
    struct Permit: Equatable, Sendable {
        let isProbe: Bool
        /// The number of times that the circuit had opened before. A call from an earlier time proves nothing.
        fileprivate let era: Int
    }

    struct Refusal: Error, Equatable {
        /// When a call may probe the server; `nil` while one is probing it.
        let until: ContinuousClock.Instant?
    }

    enum Outcome: Equatable, Sendable {
        case success, failure
        /// Says nothing about the server's health: the call was cancelled, or a limit refused it.
        case neutral
    }

    let settings: Settings
    private(set) var state = State.closed
    /// How many times the circuit has opened.
    private(set) var era = 0
    private var failuresInARow = 0
    /// The last calls, the oldest first: whether each failed.
    private var recent: [Bool] = []

    init(_ settings: Settings) { self.settings = settings }

    /// Says whether a call would be refused now, without taking a permit.
    func refusal(at now: ContinuousClock.Instant) -> Refusal? {
        switch state {
        case .open(let end) where now < end: Refusal(until: end)
        case .halfOpen(isProbing: true): Refusal(until: nil)
        case .closed, .open, .halfOpen: nil
        }
    }

    /// - Throws: `Refusal` while the circuit is open.
    mutating func admit(at now: ContinuousClock.Instant) throws(Refusal) -> Permit {
        if let refusal = refusal(at: now) { throw refusal }
        if state == .closed { return Permit(isProbe: false, era: era) }
        state = .halfOpen(isProbing: true)
        return Permit(isProbe: true, era: era)
    }

    /// - Returns: whether the state has changed.
    mutating func record(_ outcome: Outcome, of permit: Permit, at now: ContinuousClock.Instant) -> Bool {
        guard permit.era == era else { return false }
        let before = state
        switch (state, outcome) {
        case (.halfOpen, _) where permit.isProbe: settleProbe(outcome, at: now)
        case (.closed, .success): note(failed: false)
        case (.closed, .failure):
            note(failed: true)
            if hasTooManyFailures { open(at: now) }
        default: break
        }
        return state != before
    }

    private mutating func settleProbe(_ outcome: Outcome, at now: ContinuousClock.Instant) {
        switch outcome {
        case .success:
            state = .closed
            failuresInARow = 0
            recent = []
        case .failure: open(at: now)
        case .neutral: state = .halfOpen(isProbing: false)
        }
    }

    private mutating func note(failed: Bool) {
        failuresInARow = failed ? failuresInARow + 1 : 0
        recent.append(failed)
        if recent.count > settings.window { recent.removeFirst() }
    }

    private var hasTooManyFailures: Bool {
        if failuresInARow >= settings.consecutiveFailures { return true }
        guard recent.count >= settings.window else { return false }
        return Double(recent.count(where: { $0 })) >= settings.failureRatio * Double(recent.count)
    }

    private mutating func open(at now: ContinuousClock.Instant) {
        era += 1
        state = .open(until: now + settings.openTime)
        failuresInARow = 0
        recent = []
    }
}
