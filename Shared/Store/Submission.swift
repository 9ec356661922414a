import Contracts

/// A request that waits in the store until its turn comes.
public struct Submission: Sendable, Equatable {
    public var tenant: TenantID
    public var eventID: EventID
    /// The record's value, byte for byte.
    public var body: [UInt8]
    /// Past it nothing is computed any more; `nil` also where only the body names one.
    public var deadline: Timestamp?
    public var traceparent: String?
    /// Somebody does not want it any more.
    public var isCancelled: Bool
    public var lane: Lane
    /// See `Origin`. A request that was submitted to the store has a random number.
    public var place: Int64

    public init(
        tenant: TenantID, eventID: EventID, body: [UInt8], deadline: Timestamp? = nil, traceparent: String? = nil,
        lane: Lane = .interactive, isCancelled: Bool = false, place: Int64 = 0
    ) {
        self.tenant = tenant
        self.eventID = eventID
        self.body = body
        self.deadline = deadline
        self.traceparent = traceparent
        self.isCancelled = isCancelled
        self.lane = lane
        self.place = place
    }

    public var key: EventKey { EventKey(tenant: tenant, eventID: eventID) }
}

/// Requests that wait, and whose turn it is. Every method is one transaction, safe to repeat.
public protocol SubmissionQueue: Sendable {
    /// From here on nothing is lost. One whose (tenant, event id) is known comes again: its result is then given again.
    /// - Returns: the places of those that were not taken, since another body waits under their id. Of several bodies of one id
    ///   the first that can be is taken.
    /// - Throws: `StoreError`, retriable while the database is away.
    func submit(_ submissions: [Submission]) async throws -> Set<Int>

    /// Stores arrivals as `RequestStore.accept` does, and in the same transaction keeps what came over its tenant's
    /// share. Of one (tenant, event id) one request waits. A copy of an accepted request waits, too: its answer takes a turn.
    /// - Returns: in the orders given.
    func accept(
        _ arrivals: [Arrival], parking: [Parking]
    ) async throws -> (accepted: [Acceptance], parked: [Parking.Verdict])

    /// How many requests of a lane wait for their turn, each tenant's and all, counted up to limits.
    func waiting(of tenants: [TenantID], in lane: Lane, atMost limits: WaitingLimits) async throws -> WaitingCount

    /// What every tenant has under way and waiting in the turn's lane, and the weight of `tenants` besides.
    func occupancy(of tenants: [TenantID], _ turn: SubmissionTurn) async throws -> Occupancy

    /// Those of a lane whose turn it is (`Turns`), marked as taken. Besides them those that need no turn: taken before
    /// `resendBefore` and not forgotten, past their deadline, or cancelled.
    func next(_ turn: SubmissionTurn) async throws -> [Submission]

    /// Forgets what was taken and seen to; what was submitted again meanwhile stays.
    func forget(_ events: [EventKey]) async throws

    /// Marks what waits under an event id as cancelled; where several tenants' do, none of them.
    /// - Parameter tenant: whose; `nil` where the id is enough.
    /// - Returns: whose it is; nobody's where it does not wait, or was taken already.
    func cancelWaiting(_ eventID: EventID, of tenant: TenantID?, at time: Timestamp) async throws -> [TenantID]
}

/// How much may be under way: taken and not accepted, or accepted and open.
public struct SubmissionTurn: Sendable, Equatable {
    /// Whose requests are counted, and given out.
    public var lane: Lane
    public var now: Timestamp
    /// What was taken before it and not forgotten was lost on its way.
    public var resendBefore: Timestamp
    /// How many at once.
    public var limit: Int
    /// See `Turns`.
    public var window: Int
    public var share: Int

    public init(
        lane: Lane = .interactive, now: Timestamp, resendBefore: Timestamp, limit: Int, window: Int, share: Int = 0
    ) {
        self.lane = lane
        self.now = now
        self.resendBefore = resendBefore
        self.limit = limit
        self.window = window
        self.share = share
    }
}
