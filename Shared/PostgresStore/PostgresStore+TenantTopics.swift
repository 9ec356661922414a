import Contracts
import Store

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
                result.rows { TenantID(rawValue: $0.text(0)) }
            }
            return Set(tenants)
        }
    }
}
