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

    /// Those of a lane whose turn it is (`FairShare`), marked as taken. Besides them those that need no turn: taken before
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

/// How many requests each tenant has under way, and how many wait.
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

    /// Of all tenants.
    public var underWay: Int { tenants.values.reduce(0) { $0 + $1.underWay } }
}

/// How much of what is under way a tenant may have, compared with others.
public protocol TenantRegister: Sendable {
    /// - Parameter weight: from `Turns.weights`.
    func setWeight(_ weight: Int, of tenant: TenantID) async throws
}

/// How many requests may wait for their turn.
public struct WaitingLimits: Sendable, Equatable {
    public var ofTenant: Int
    public var ofAll: Int

    public init(ofTenant: Int, ofAll: Int) {
        self.ofTenant = ofTenant
        self.ofAll = ofAll
    }
}

/// How many requests wait for their turn.
public struct WaitingCount: Sendable, Equatable {
    /// Of the tenants that were asked about.
    public var tenants: [TenantID: Int]
    public var all: Int

    public init(tenants: [TenantID: Int], all: Int) {
        self.tenants = tenants
        self.all = all
    }

    /// Whether one more may wait; it is counted then.
    public mutating func admits(_ tenant: TenantID, within limits: WaitingLimits) -> Bool {
        let count = tenants[tenant] ?? 0
        guard count < limits.ofTenant, all < limits.ofAll else { return false }
        tenants[tenant] = count + 1
        all += 1
        return true
    }
}

/// Who is let in next, so that work under way is bounded and each tenant has its share of it: weighted round robin.
///
/// The n-th request that a tenant has under way stands at place ⌈n / weight⌉, and lower places go first. Up to `window`
/// requests whoever comes is let in; then only places up to `share`, so that what hangs for one tenant holds up no
/// other, and twice the window is never passed.
/// - Source: decision 14
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

    /// How many may come in before anybody has to wait.
    public var headroom: Int { isAnyWaiting ? 0 : max(0, window - underWay) }

    /// Whether a request that comes now is let in; else it waits, and those of its tenant behind it too.
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

    /// How many of each tenant's waiting requests go next, at most `limit` together; of equal places the tenant that has
    /// waited longest.
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
    /// Where its next request stands.
    fileprivate var place: Int { (underWay + weight) / weight }
}
