import Contracts
import Store

extension PostgresStore: TenantRegister {
    public func setWeight(_ weight: Int, of tenant: TenantID) async throws {
        let upsert: SQL = """
            INSERT INTO winnow.tenant (tenant_id, weight) VALUES (\(tenant.rawValue), \(Int16(clamping: weight)))
            ON CONFLICT (tenant_id) DO UPDATE SET weight = excluded.weight
            """
        try await session.run { connection in _ = try connection.execute(upsert.named("set weight")) }
    }

    /// Marks a tenant's requests as tests, or takes the mark away: tests are charged, and are in no savings.
    public func setTest(_ isTest: Bool, of tenant: TenantID) async throws {
        let mark: SQL =
            isTest
            ? "INSERT INTO winnow.test_tenant (tenant_id) VALUES (\(tenant.rawValue)) ON CONFLICT DO NOTHING"
            : "DELETE FROM winnow.test_tenant WHERE tenant_id = \(tenant.rawValue)"
        let insert: SQL = "INSERT INTO winnow.tenant (tenant_id) VALUES (\(tenant.rawValue)) ON CONFLICT DO NOTHING"
        try await session.run { connection in
            _ = try connection.execute(insert.named("insert tenant"), mark.named("mark tests"))
        }
    }
}
