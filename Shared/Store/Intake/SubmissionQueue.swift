import Contracts

/// A request that waits in the store until it is dequeued.
public struct Submission: Sendable, Equatable {
    public var tenant: TenantID
    public var eventID: EventID
    /// The record's value, byte for byte.
    public var body: [UInt8]
    /// Nothing is computed for the request after this time. `nil` also if only the body has a deadline.
    public var deadline: Timestamp?
    public var traceparent: String?
    /// Whether the request was cancelled while it waited.
    public var isCancelled: Bool
    public var lane: Lane
    /// Where the request came from (`Origin.place`). A request that was submitted directly to the store has a random
    /// number.
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

/// The queue of waiting requests. Every method is one transaction and safe to repeat.
public protocol SubmissionQueue: Sendable {
    /// Stores submissions durably. If the (tenant, event id) of a request is known, the request is queued again and its
    /// result is sent again.
    /// - Returns: the indices of submissions that were refused, since a request with another body waits under their id.
    ///   If several submissions with one id have different bodies, the first acceptable one is stored.
    /// - Throws: `StoreError`, retriable while the database is unavailable.
    func submit(_ submissions: [Submission]) async throws -> Set<Int>

    /// Submits those of the requests again that were answered before `instant`. Their clients have not received the
    /// result, which the broker may have lost.
    /// - Throws: `StoreError`, retriable while the database is unavailable.
    func submitAgain(_ submissions: [Submission], answeredBefore instant: Timestamp) async throws

    /// Stores arrivals as `RequestStore.accept` does. In the same transaction, stores the requests that exceed their
    /// tenant's share, so that they wait. At most one request per (tenant, event id) waits. A copy of an accepted
    /// request waits too: sending the result again counts against the tenant's share.
    /// - Returns: the results in the order of the arguments.
    func accept(
        _ arrivals: [Arrival], parking: [Parking]
    ) async throws -> (accepted: [Acceptance], parked: [Parking.Verdict])

    /// Counts the waiting requests of a lane, for each of the tenants and in total, up to the limits.
    func waiting(of tenants: [TenantID], in lane: Lane, atMost limits: WaitingLimits) async throws -> WaitingCount

    /// The requests of every tenant that are in progress and that wait in the turn's lane, and the weights of
    /// `tenants`.
    func occupancy(of tenants: [TenantID], _ turn: SubmissionTurn) async throws -> Occupancy

    /// Dequeues requests of a lane in the order of `FairShare` and marks them as taken. Also returns requests that need
    /// no capacity: those that were taken before `resendBefore` and not forgotten, those past their deadline, and those
    /// that were cancelled.
    func next(_ turn: SubmissionTurn) async throws -> [Submission]

    /// Deletes requests that were taken and handled. A request that was submitted again in the meantime stays.
    func forget(_ events: [EventKey]) async throws

    /// Marks the waiting request with this event id as cancelled. If several tenants have a waiting request with this
    /// id, none is cancelled.
    /// - Parameter tenant: the tenant of the request; `nil` if the id is sufficient.
    /// - Returns: the tenants that have a waiting request with this id; empty if none waits or it was already taken.
    func cancelWaiting(_ eventID: EventID, of tenant: TenantID?, at time: Timestamp) async throws -> [TenantID]
}

/// Limits for dequeueing. A request is in progress if it was taken and not yet accepted, or accepted and open.
public struct SubmissionTurn: Sendable, Equatable {
    /// The lane whose requests are counted and returned.
    public var lane: Lane
    public var now: Timestamp
    /// Requests that were taken before this time and not forgotten are considered lost and are returned again.
    public var resendBefore: Timestamp
    /// The maximum number of requests to return.
    public var limit: Int
    /// See `FairShare`.
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

/// For each tenant, the number of requests in progress and the number of waiting requests.
public struct Occupancy: Sendable, Equatable {
    public struct Tenant: Sendable, Equatable {
        public var underWay: Int
        /// Counted up to the turn's limit.
        public var waiting: Int
        public var waitingSince: Timestamp?
        public var weight: Int

        public init(underWay: Int = 0, waiting: Int = 0, waitingSince: Timestamp? = nil, weight: Int = 1) {
            self.underWay = underWay
            self.waiting = waiting
            self.waitingSince = waitingSince
            self.weight = weight
        }
    }

    public var tenants: [TenantID: Tenant]

    public init(_ tenants: [TenantID: Tenant] = [:]) { self.tenants = tenants }

    /// The number of requests in progress of all tenants.
    public var underWay: Int { tenants.values.reduce(0) { $0 + $1.underWay } }
}

/// Stores each tenant's weight: its share of the requests in progress relative to other tenants.
public protocol TenantRegister: Sendable {
    /// - Parameter weight: one of `FairShare.weights`.
    func setWeight(_ weight: Int, of tenant: TenantID) async throws
}

/// The maximum numbers of waiting requests.
public struct WaitingLimits: Sendable, Equatable {
    public var ofTenant: Int
    public var ofAll: Int

    public init(ofTenant: Int, ofAll: Int) {
        self.ofTenant = ofTenant
        self.ofAll = ofAll
    }
}

/// The numbers of waiting requests.
public struct WaitingCount: Sendable, Equatable {
    /// One entry for each requested tenant.
    public var tenants: [TenantID: Int]
    public var all: Int

    public init(tenants: [TenantID: Int], all: Int) {
        self.tenants = tenants
        self.all = all
    }

    /// Returns whether one more request may wait, and counts it if so.
    public mutating func admits(_ tenant: TenantID, within limits: WaitingLimits) -> Bool {
        let count = tenants[tenant] ?? 0
        guard count < limits.ofTenant, all < limits.ofAll else { return false }
        tenants[tenant] = count + 1
        all += 1
        return true
    }
}

/// Fair queueing of requests by tenant. It bounds the requests in progress and gives each tenant a share of them by
/// weight.
///
/// The tenant with the fewest requests in progress, relative to its weight, goes first: its n-th request has the place
/// ⌈n / weight⌉, and lower places go first. While fewer than `window` requests are in progress, every place is
/// admitted. Above that, only places up to `share` are, so that a tenant whose requests make no progress does not block
/// the others. The number of requests in progress never exceeds twice the window.
/// - Source: infra/decisions/0014-tenant-fair-share.md
public struct FairShare: Sendable {
    public static let weights = 1...100

    private let window: Int
    private let share: Int
    private var tenants: [TenantID: Occupancy.Tenant]
    private var underWay: Int
    private var isAnyWaiting: Bool

    public init(_ occupancy: Occupancy, window: Int, share: Int) {
        self.window = window
        self.share = share
        tenants = occupancy.tenants
        underWay = occupancy.underWay
        isAnyWaiting = tenants.values.contains { $0.waiting > 0 }
    }

    /// The number of requests that are admitted before any request has to wait.
    public var headroom: Int { isAnyWaiting ? 0 : max(0, window - underWay) }

    /// Returns whether a new request is admitted. Otherwise it waits, and so do later requests of its tenant.
    public mutating func admits(_ tenant: TenantID) -> Bool {
        var member = tenants[tenant] ?? Occupancy.Tenant()
        defer { tenants[tenant] = member }
        guard member.waiting == 0, headroom > 0 || hasRoom(for: member) else {
            member.waiting += 1
            isAnyWaiting = true
            return false
        }
        member.underWay += 1
        underWay += 1
        return true
    }

    /// Returns how many of each tenant's waiting requests go next, at most `limit` in total. Among equal places, the
    /// tenant that has waited longest goes first.
    public mutating func next(limit: Int) -> [TenantID: Int] {
        var taken: [TenantID: Int] = [:]
        for _ in 0..<max(0, limit) {
            let first = tenants.lazy.filter { $0.value.waiting > 0 }.min { left, right in
                Self.rank(left) < Self.rank(right)
            }
            guard let (tenant, member) = first, underWay < window || hasRoom(for: member) else { break }
            tenants[tenant]?.waiting -= 1
            tenants[tenant]?.underWay += 1
            underWay += 1
            taken[tenant, default: 0] += 1
        }
        return taken
    }

    private func hasRoom(for member: Occupancy.Tenant) -> Bool { member.place <= share && underWay < 2 * window }

    private static func rank(_ entry: (key: TenantID, value: Occupancy.Tenant)) -> (Int, Int64, TenantID) {
        (entry.value.place, entry.value.waitingSince?.milliseconds ?? 0, entry.key)
    }
}

extension Occupancy.Tenant {
    /// The place of the tenant's next request.
    fileprivate var place: Int { (underWay + weight) / weight }
}
