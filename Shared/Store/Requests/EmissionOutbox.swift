import Contracts

/// An emission that a background job has decided on and that the broker has not yet acknowledged.
public struct OwedEmission: Sendable, Hashable {
    public enum Kind: String, Sendable {
        /// The emission that follows from the request's state when it is sent: the result, or the commands of its open
        /// steps.
        case state
        /// A message to workers and escalators that the request was cancelled.
        case cancellation
    }

    /// Ascending in the order in which the emissions were decided.
    public var id: Int64
    public var request: Request.ID
    public var kind: Kind

    public init(id: Int64, request: Request.ID, kind: Kind) {
        self.id = id
        self.request = request
        self.kind = kind
    }
}

/// Emissions that `RequestStore.update` has stored together with the state that requires them (`RequestChange.owed`).
///
/// A record from a topic needs no row, since it is delivered again until its emissions are acknowledged. A background
/// job has no such record.
public protocol EmissionOutbox: Sendable {
    /// Reads the oldest emissions first, at most `limit`.
    func owedEmissions(limit: Int) async throws -> [OwedEmission]

    /// Deletes acknowledged emissions. Emissions that were decided in the meantime have rows of their own.
    func forgetEmissions(_ emissions: [OwedEmission]) async throws
}

/// Cancellations that were requested and that the aggregator has not yet handled.
public protocol CancellationQueue: Sendable {
    /// Requests cancellation. Repeating the call changes nothing.
    /// - Throws: `StoreError`, retriable while the database is unavailable.
    func requestCancellation(of requests: [Request.ID], at time: Timestamp) async throws

    /// Reads unhandled cancellations, oldest first, at most `limit`.
    func requestedCancellations(limit: Int) async throws -> [Request.ID]

    /// Deletes cancellations that were handled or came too late.
    func forgetCancellations(of requests: [Request.ID]) async throws
}
