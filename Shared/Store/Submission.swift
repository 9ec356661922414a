import Contracts

/// A request that waits in the store until it is accepted, where a broker keeps too little or forgets.
public struct Submission: Sendable, Equatable {
    public var tenant: TenantID
    public var eventID: String
    /// The record's value, as it will be sent.
    public var body: [UInt8]
    public var lane: Lane

    public init(tenant: TenantID, eventID: String, body: [UInt8], lane: Lane = .interactive) {
        self.tenant = tenant
        self.eventID = eventID
        self.body = body
        self.lane = lane
    }
}

/// Submissions between whoever asks and the topic. Every method is one transaction, safe to repeat.
public protocol SubmissionQueue: Sendable {
    /// From here on nothing is lost. One whose (tenant, event id) is known is sent again: its result is then given again.
    /// - Throws: `StoreError`, retriable while the database is away.
    func submit(_ submissions: [Submission]) async throws

    /// Those of a lane whose turn it is, marked as sent. Tenants take turns, so that a flood waits behind its own.
    ///
    /// Forgets those whose requests were accepted after they were sent; those that were not, though sent before
    /// `resendBefore`, come again.
    func next(_ turn: SubmissionTurn) async throws -> [Submission]
}

/// How much may be under way.
public struct SubmissionTurn: Sendable, Equatable {
    public var lane: Lane
    public var now: Timestamp
    public var resendBefore: Timestamp
    /// How many at once.
    public var limit: Int
    /// Sent and not accepted, or accepted and open: no more of the lane than this together.
    public var window: Int

    public init(
        lane: Lane = .interactive, now: Timestamp, resendBefore: Timestamp, limit: Int, window: Int
    ) {
        self.lane = lane
        self.now = now
        self.resendBefore = resendBefore
        self.limit = limit
        self.window = window
    }
}
