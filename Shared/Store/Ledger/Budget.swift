import Contracts

/// What a tenant may spend on calls of the full model in an hour, a day or a month (UTC).
public struct Budget: Sendable, Equatable {
    /// From short to long.
    public enum Period: String, Sendable, CaseIterable { case hour, day, month }

    /// What becomes of items that there is no money for.
    public enum Policy: String, Sendable, CaseIterable {
        /// The small model's answer, marked so.
        case degrade
        /// They wait until there is: nothing answers them, so the aggregator drives them again.
        case queue
        case fail
    }

    public var tenant: TenantID
    public var period: Period
    public var limit: PicoDollars
    public var policy: Policy

    public init(tenant: TenantID, period: Period, limit: PicoDollars, policy: Policy) {
        self.tenant = tenant
        self.period = period
        self.limit = limit
        self.policy = policy
    }
}

/// What became of a call that somebody wants to make.
public enum Reservation: Sendable, Equatable {
    case started(LedgerEntry)
    /// By the budget of the longest period that has no room for it.
    case refused(Budget)
}

public protocol BudgetRegister: Sendable {
    /// Sets or replaces the budget of the tenant and period; it holds for the next call.
    func setBudget(_ budget: Budget) async throws

    /// - Returns: whether there was one.
    func removeBudget(of tenant: TenantID, _ period: Budget.Period) async throws -> Bool
}

/// What is left of budgets while a batch of calls is reserved. Limits and sums are never negative, so no difference overflows.
package struct BudgetRoom {
    private var left: [TenantID: [(budget: Budget, amount: Int64)]]

    /// - Parameter spent: of each budget in its running period, reservations included.
    package init(_ spent: [(budget: Budget, spent: PicoDollars)]) {
        left = Dictionary(
            grouping: spent.map { (budget: $0.budget, amount: $0.budget.limit.amount - $0.spent.amount) },
            by: \.budget.tenant)
    }

    /// Takes the entry's price from every budget of its tenant, or from none.
    /// - Returns: the budget that has no room for it; of several the one of the longest period.
    package mutating func reserve(_ entry: LedgerEntry) -> Budget? {
        guard let budgets = left[entry.tenant] else { return nil }
        let short = budgets.filter { $0.amount < entry.cost.amount }.map(\.budget)
        let order = Budget.Period.allCases
        if let refusing = short.max(by: {
            (order.firstIndex(of: $0.period) ?? 0) < (order.firstIndex(of: $1.period) ?? 0)
        }) {
            return refusing
        }
        left[entry.tenant] = budgets.map { ($0.budget, $0.amount - entry.cost.amount) }
        return nil
    }
}
