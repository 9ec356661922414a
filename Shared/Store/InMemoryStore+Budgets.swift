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

    public func reserve(_ entries: [LedgerEntry]) async throws -> [Reservation] {
        state.withLock { state in
            var room = BudgetRoom(state.budgets.values.map { (budget: $0, spent: state.spent(of: $0)) })
            for entry in entries { state.abandon(before: entry) }
            let reservations: [Reservation] = entries.map { entry in
                room.reserve(entry).map { .refused($0) } ?? .started(state.start(entry))
            }
            state.sumFinalRequests(entries)
            return reservations
        }
    }
}

extension InMemoryStore.State {
    /// All of it: what lives as long as a process has no need of a second period.
    fileprivate func spent(of budget: Budget) -> Int64 {
        ledger.values.joined().filter { $0.tenant == budget.tenant && $0.attempt.kind == .full }
            .reduce(0) { $0 + $1.cost.amount }
    }
}
