import Contracts

/// The time as an endpoint sees it. Tests replace it, so that no test sleeps.
protocol EndpointClock: Sendable {
    /// For deadlines, limits and pauses.
    var now: ContinuousClock.Instant { get }
    /// For prices, and for servers that name an instant.
    var time: Timestamp { get }

    /// - Throws: `CancellationError`
    func pause(until instant: ContinuousClock.Instant) async throws
}

/// The clock of the machine.
struct SystemClock: EndpointClock {
    var now: ContinuousClock.Instant { .now }
    var time: Timestamp { .now }

    func pause(until instant: ContinuousClock.Instant) async throws {
        try await ContinuousClock().sleep(until: instant)
    }
}
