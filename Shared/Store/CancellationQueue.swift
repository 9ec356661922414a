import Contracts

/// Requests that somebody wants stopped, until the aggregator has seen to it.
public protocol CancellationQueue: Sendable {
    /// Notes the wish; saying it again changes nothing.
    /// - Throws: `StoreError`, retriable while the database is away.
    func requestCancellation(of requests: [Request.ID], at time: Timestamp) async throws

    /// Wishes that nobody has seen to, oldest first; at most `limit`.
    func requestedCancellations(limit: Int) async throws -> [Request.ID]

    /// Forgets wishes that were seen to, or came too late.
    func forgetCancellations(of requests: [Request.ID]) async throws
}
