import Contracts
import Store

extension OperationsReader {
    /// Whoever has asked or has a weight, those with the most waiting first.
    public func tenants() async throws -> OperationsReport {
        let select: SQL = """
            SELECT tenant, weight::text, open_requests::text, waiting_requests::text,
                CASE WHEN is_test THEN 'yes' ELSE 'no' END
            FROM ops.tenant ORDER BY waiting_requests DESC, open_requests DESC, tenant
            """
        return try await report(
            select.named("read tenants"),
            [.init("tenant"), .number("weight"), .number("open_requests"), .number("waiting_requests"), .init("test")])
    }
}
