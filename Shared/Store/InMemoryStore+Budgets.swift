import Contracts
import Synchronization

extension InMemoryStore: BudgetRegister {
    struct BudgetKey: Hashable {
        var tenant: TenantID
        var period: Budget.Period
    }

    public func setBudget(_ budget: Budget) async throws {
        state.withLock { $0.budgets[BudgetKey(tenant: budget.tenant, period: budget.period)] = budget }
    }

    public func removeBudget(of tenant: TenantID, _ period: Budget.Period) async throws -> Bool {
        state.withLock { $0.budgets.removeValue(forKey: BudgetKey(tenant: tenant, period: period)) != nil }
    }

    public func reserve(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [Reservation] {
        let instant = now()
        let begun = try calls.map { try begin($0, instant) }
        return state.withLock { state in
            var room = BudgetRoom(state.budgets.values.map { (budget: $0, spent: state.spent(of: $0, at: instant)) })
            for call in begun { state.abandon(before: call) }
            let reservations: [Reservation] = begun.map { call in
                room.reserve(call).map { .refused($0) } ?? .started(state.start(call))
            }
            state.sumFinalRequests(begun)
            return reservations
        }
    }
}

extension InMemoryStore.State {
    fileprivate func spent(of budget: Budget, at instant: Timestamp) -> PicoDollars {
        ledger.values.joined().filter {
            $0.tenant == budget.tenant && $0.attempt.kind == .full
                && budget.period.covers($0.attempt.startedAt, and: instant)
        }.reduce(.zero) { $0 + $1.cost }
    }
}

extension Budget.Period {
    /// Whether one hour, day or month (UTC) has both instants.
    fileprivate func covers(_ instant: Timestamp, and other: Timestamp) -> Bool {
        // As in 2026-11-29T22:25:18Z
        let length =
            switch self {
            case .hour: 13
            case .day: 10
            case .month: 7
            }
        return instant.rfc3339.prefix(length) == other.rfc3339.prefix(length)
    }
}
