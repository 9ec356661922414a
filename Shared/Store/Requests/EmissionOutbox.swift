import Contracts

/// An emission that a background decision calls for and that the broker has not acknowledged yet.
public struct OwedEmission: Sendable, Hashable {
    public enum Kind: String, Sendable {
        /// What the request's state calls for when it is sent: its result, or the commands of its open steps.
        case state
        /// Tells workers and escalators that the request was cancelled.
        case cancellation
    }

    /// Ascending in the order in which emissions were decided on.
    public var id: Int64
    public var request: Request.ID
    public var kind: Kind

    public init(id: Int64, request: Request.ID, kind: Kind) {
        self.id = id
        self.request = request
        self.kind = kind
    }
}

/// Emissions that `RequestStore.update` has written beside the state that calls for them (`RequestChange.owed`).
///
/// A record that comes from a topic needs no row: it comes again until its emissions are acknowledged. What a background job
/// decides comes from no record.
public protocol EmissionOutbox: Sendable {
    /// Oldest first, at most `limit`.
    func owedEmissions(limit: Int) async throws -> [OwedEmission]

    /// Forgets what the broker has acknowledged. An emission that was decided on meanwhile has a row of its own.
    func forgetEmissions(_ emissions: [OwedEmission]) async throws
}

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
