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
}
