import Contracts

/// Which processes of the suite there are, as far as they have told.
public protocol InstanceRegister: Sendable {
    /// Keeps the newest beat of each; an older one changes nothing.
    /// - Throws: `StoreError`, retriable while the database is away.
    func note(_ instances: [Instance]) async throws

    /// Forgets those that have told nothing since `instant`.
    func forgetInstances(silentSince instant: Timestamp) async throws

    /// All that are known, in ascending order of id.
    func instances() async throws -> [Instance]
}

/// Which tenants have topics of their own.
public protocol TenantTopicRegister: Sendable {
    /// From then on the tenant's requests are taken from its own topics only, and its results go to its own topic only.
    func giveOwnTopics(to tenant: TenantID) async throws

    /// Takes it back.
    /// - Returns: whether the tenant had topics of its own.
    func takeOwnTopics(from tenant: TenantID) async throws -> Bool

    func tenantsWithOwnTopics() async throws -> Set<TenantID>
}

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

/// How long what grows is kept.
/// - Units: days.
public struct Retention: Sendable, Equatable {
    /// Requests with their steps, their calls and the comparisons of their answers.
    public var requests: Int
    /// What is summed by hour: costs, comparisons, agreement.
    public var hourly: Int
    /// Costs by day.
    public var daily: Int
    /// What was done about dead letters. Longer than their topic keeps them, or they would be listed as new again.
    public var dispositions: Int
    /// Tenants of whom nothing else is left.
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

/// What the whole suite has in hand and has spent, as the database knows it.
public struct SuiteFigures: Sendable, Equatable {
    public struct Requests: Sendable, Equatable {
        public var open: Int
        /// Of the open ones.
        public var oldestAcceptedAt: Timestamp?
        /// Not accepted yet: they wait for their turn.
        public var waiting: Int

        public init(open: Int = 0, oldestAcceptedAt: Timestamp? = nil, waiting: Int = 0) {
            self.open = open
            self.oldestAcceptedAt = oldestAcceptedAt
            self.waiting = waiting
        }
    }

    public var requests: [Lane: Requests]
    /// What calls of each kind have cost, of everything that the ledger's sums keep.
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
