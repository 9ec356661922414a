import Store

extension OperationsReader {
    /// The certificates, task by task, the newest first.
    /// - Parameter all: whether also those that stand no more.
    public func certificates(all: Bool) async throws -> OperationsReport {
        let select: SQL = """
            SELECT certificate_id, capability || '/' || task, version::text, state, small_model, full_model, alpha::text,
                delta::text, threshold::text, items::text, accepted::text, disagreements::text, bound::text,
                escalation_rate::text, saving::text, to_char(certified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
                (SELECT count(*) FROM ops.tenant_revocation AS r WHERE r.certificate_id = c.certificate_id)::text, reason
            FROM ops.certificate AS c WHERE \(all) OR state = 'standing'
            ORDER BY capability, task, version DESC
            """
        let numbers = [
            "alpha", "delta", "threshold", "items", "accepted", "disagreements", "bound", "escalation_rate", "saving",
        ]
        return try await report(
            select.named("list certificates"),
            [
                .init("id"), .init("task"), .number("version"), .init("state"), .init("small_model"),
                .init("full_model"),
            ] + numbers.map { .number($0) }
                + [.init("certified_at"), .number("revoked_tenants"), .init("reason")])
    }

    /// For which tenants certificates were revoked that others may still use, the newest first.
    public func tenantRevocations() async throws -> OperationsReport {
        let select: SQL = """
            SELECT tenant, certificate_id, capability || '/' || task,
                to_char(revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), reason
            FROM ops.tenant_revocation ORDER BY revoked_at DESC, certificate_id, tenant
            """
        return try await report(
            select.named("list revocations of tenants"),
            [.init("tenant"), .init("certificate"), .init("task"), .init("revoked_at"), .init("reason")])
    }
}
