import Contracts

/// The time as an endpoint sees it. Tests replace it, so that no test sleeps.
public protocol EndpointClock: Sendable {
    /// For deadlines, limits and pauses.
    var now: ContinuousClock.Instant { get }
    /// For prices, and for servers that name an instant.
    var time: Timestamp { get }

    /// - Throws: `CancellationError`
    func pause(until instant: ContinuousClock.Instant) async throws
}

/// The clock of the machine.
public struct SystemClock: EndpointClock {
    public init() {}

    public var now: ContinuousClock.Instant { .now }
    public var time: Timestamp { .now }

    public func pause(until instant: ContinuousClock.Instant) async throws {
        try await ContinuousClock().sleep(until: instant)
    }
}
