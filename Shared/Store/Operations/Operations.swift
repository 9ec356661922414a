import Contracts

/// The processes of the suite, as their heartbeats report them.
public protocol InstanceRegister: Sendable {
    /// Keeps the latest heartbeat of each instance. An older heartbeat changes nothing.
    /// - Throws: `StoreError`, retriable while the database is unavailable.
    func note(_ instances: [Instance]) async throws

    /// Deletes the instances that have sent no heartbeat since `instant`.
    func forgetInstances(silentSince instant: Timestamp) async throws

    /// All known instances, in ascending order of id.
    func instances() async throws -> [Instance]
}

/// The tenants that have topics of their own.
public protocol TenantTopicRegister: Sendable {
    /// Gives the tenant topics of its own. From then on its requests are read only from these topics, and its results
    /// are sent only to its own result topic.
    func giveOwnTopics(to tenant: TenantID) async throws

    /// Makes the tenant use the shared topics again.
    /// - Returns: whether the tenant had topics of its own.
    func takeOwnTopics(from tenant: TenantID) async throws -> Bool

    func tenantsWithOwnTopics() async throws -> Set<TenantID>
}

/// Leader election for jobs that only one of several processes may run.
public protocol Leadership: Sendable {
    /// Becomes the leader if there is no other one, or renews the leadership of this process.
    /// - Returns: the instant until which this process leads unless it renews; `nil` if another process leads.
    /// - Throws: `StoreError`. This process is then no longer the leader.
    func claim() async throws -> ContinuousClock.Instant?

    /// Gives up the leadership.
    func resign() async
}

/// A leadership that this process always has. For tests.
public struct SoleLeadership: Leadership {
    public init() {}

    public func claim() async throws -> ContinuousClock.Instant? { .now + .seconds(3600) }

    public func resign() async {}
}

/// The retention of data that grows without bound.
/// - Units: days.
public struct Retention: Sendable, Equatable {
    /// Requests with their steps, calls and answer comparisons.
    public var requests: Int
    /// Hourly sums: costs, comparisons and agreement.
    public var hourly: Int
    /// Daily costs.
    public var daily: Int
    /// Handled dead letters. Must exceed the retention of the dead-letter topic, or they would be listed as new again.
    public var dispositions: Int
    /// Tenants without any other data.
    public var tenants: Int

    public init(
        requests: Int = 30, hourly: Int = 400, daily: Int = 3650, dispositions: Int = 90, tenants: Int = 400
    ) {
        self.requests = requests
        self.hourly = hourly
        self.daily = daily
        self.dispositions = dispositions
        self.tenants = tenants
    }
}

/// Requests in progress and total costs of the whole suite, from the database.
public struct SuiteFigures: Sendable, Equatable {
    public struct Requests: Sendable, Equatable {
        public var open: Int
        /// The acceptance time of the oldest open request.
        public var oldestAcceptedAt: Timestamp?
        /// The number of requests that wait and are not yet accepted.
        public var waiting: Int

        public init(open: Int = 0, oldestAcceptedAt: Timestamp? = nil, waiting: Int = 0) {
            self.open = open
            self.oldestAcceptedAt = oldestAcceptedAt
            self.waiting = waiting
        }
    }

    public var requests: [Lane: Requests]
    /// The costs of calls by kind, summed over everything that the ledger's sums still hold.
    public var costs: [Attempt.Kind: PicoDollars]

    public init(requests: [Lane: Requests], costs: [Attempt.Kind: PicoDollars]) {
        self.requests = requests
        self.costs = costs
    }
}

/// Reads the figures of the whole suite.
public protocol SuiteFiguresSource: Sendable {
    func suiteFigures() async throws -> SuiteFigures
}
