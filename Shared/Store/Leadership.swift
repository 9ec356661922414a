/// Decides which of several processes does what must be done once.
public protocol Leadership: Sendable {
    /// Takes the lead if no other process has it, and confirms it where this process has it already.
    /// - Returns: the instant until which this process leads unless it confirms again; `nil` where another one leads.
    /// - Throws: `StoreError`; this process leads no longer then.
    func claim() async throws -> ContinuousClock.Instant?

    /// Gives the lead to whoever claims it next.
    func resign() async
}

/// One process that always leads. For tests.
public struct SoleLeadership: Leadership {
    public init() {}

    public func claim() async throws -> ContinuousClock.Instant? { .now + .seconds(3600) }

    public func resign() async {}
}
