import Contracts

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
