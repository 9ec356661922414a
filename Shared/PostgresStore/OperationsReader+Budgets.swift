import Contracts
import Store

extension OperationsReader {
    /// Budgets for escalations with what is left of them.
    /// - Parameter tenant: `nil` for all.
    public func budgets(of tenant: TenantID?) async throws -> OperationsReport {
        let select: SQL = """
            SELECT tenant, period, policy, limit_pico_usd::text, spent_pico_usd::text, left_pico_usd::text,
                limit_usd::text, spent_usd::text, ops.usd(left_pico_usd)::text, to_char(renews_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            FROM ops.budget WHERE \(tenant?.rawValue) IS NULL OR tenant = \(tenant?.rawValue)
            ORDER BY tenant, renews_at
            """
        let numbers = [
            "limit_pico_usd", "spent_pico_usd", "left_pico_usd", "limit_usd", "spent_usd", "left_usd",
        ]
        return try await report(
            select.named("read budgets"),
            [.init("tenant"), .init("period"), .init("policy")] + numbers.map { .number($0) } + [.init("renews_at")])
    }
}
