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

    /// Marks a tenant's requests as tests, or removes the mark. Tests have costs but are not counted in savings.
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

extension PostgresStore: TenantTopicRegister {
    public func giveOwnTopics(to tenant: TenantID) async throws {
        let insert: SQL = """
            INSERT INTO winnow.tenant_topic (tenant_id) VALUES (\(tenant.rawValue)) ON CONFLICT DO NOTHING
            """
        try await session.run { connection in _ = try connection.execute(insert.named("give own topics")) }
    }

    public func takeOwnTopics(from tenant: TenantID) async throws -> Bool {
        let delete: SQL = "DELETE FROM winnow.tenant_topic WHERE tenant_id = \(tenant.rawValue)"
        return try await session.run { connection in
            try connection.execute(delete.named("take own topics")).first.map { $0.affectedRows > 0 } ?? false
        }
    }

    public func tenantsWithOwnTopics() async throws -> Set<TenantID> {
        let select: SQL = "SELECT tenant_id FROM winnow.tenant_topic"
        return try await session.run { connection in
            let tenants = try connection.execute(select.named("read own topics")).flatMap { result in
                try result.rows { row throws in try row.tenant() }
            }
            return Set(tenants)
        }
    }
}
