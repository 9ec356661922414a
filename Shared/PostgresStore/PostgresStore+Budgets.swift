import Contracts
import Store

extension PostgresStore: BudgetRegister {
    public func setBudget(_ budget: Budget) async throws {
        let upsert: SQL = """
            INSERT INTO winnow.budget (tenant_id, period, limit_pico_usd, policy)
            VALUES (
                \(budget.tenant.rawValue), \(budget.period.rawValue)::text::winnow.budget_period,
                \(budget.limit.amount), \(budget.policy.rawValue)::text::winnow.budget_policy)
            ON CONFLICT (tenant_id, period) DO UPDATE
            SET limit_pico_usd = excluded.limit_pico_usd, policy = excluded.policy, set_at = now()
            """
        try await session.run { connection in _ = try connection.execute(upsert.named("set budget")) }
    }

    public func removeBudget(of tenant: TenantID, _ period: Budget.Period) async throws -> Bool {
        let delete: SQL = """
            DELETE FROM winnow.budget
            WHERE tenant_id = \(tenant.rawValue) AND period = \(period.rawValue)::text::winnow.budget_period
            """
        return try await session.run { connection in
            try connection.execute(delete.named("remove budget"))[0].affectedRows > 0
        }
    }
}
