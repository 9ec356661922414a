import Contracts

/// The amount that a tenant may spend on calls of the full model in an hour, a day or a month (UTC).
public struct Budget: Sendable, Equatable {
    /// Ordered from short to long.
    public enum Period: String, Sendable, CaseIterable { case hour, day, month }

    /// What happens to items that exceed the budget.
    public enum Policy: String, Sendable, CaseIterable {
        /// The small model's answer is used and marked as degraded.
        case degrade
        /// The items wait until the budget has room. They have no answer until then, so the aggregator emits their step
        /// again.
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

/// The result of reserving a call.
public indirect enum Reservation: Sendable, Equatable {
    case started(LedgerEntry)
    /// The same question about the same step was paid for earlier. There is no new ledger row.
    case answered([Answer])
    /// Refused by the budget with the longest period that has no room for the call.
    case refused(Budget)
}

public protocol BudgetRegister: Sendable {
    /// Sets or replaces the budget of a tenant and period. It applies from the next call on.
    func setBudget(_ budget: Budget) async throws

    /// - Returns: whether the budget existed.
    func removeBudget(of tenant: TenantID, _ period: Budget.Period) async throws -> Bool
}

/// The remaining amounts while a batch of calls is reserved. Limits and sums are never negative, so differences cannot
/// overflow.
package struct BudgetRoom {
    private var left: [TenantID: [(budget: Budget, amount: Int64)]]

    /// - Parameter spent: for each budget, the amount spent in the current period, including reservations.
    package init(_ spent: [(budget: Budget, spent: PicoDollars)]) {
        left = Dictionary(
            grouping: spent.map { (budget: $0.budget, amount: $0.budget.limit.amount - $0.spent.amount) },
            by: \.budget.tenant)
    }

    /// Subtracts the entry's price from every budget of its tenant, or from none. Budgets limit calls of the full model
    /// and no others.
    /// - Returns: the budget that has no room for it; if there are several, the one with the longest period.
    package mutating func reserve(_ entry: LedgerEntry) -> Budget? {
        guard entry.attempt.kind == .full, let budgets = left[entry.tenant] else { return nil }
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
