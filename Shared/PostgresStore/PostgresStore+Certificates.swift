import Contracts
import Store

extension PostgresStore: CertificateRegister {
    public func registerCertificates(_ certificates: [Certificate]) async throws {
        guard !certificates.isEmpty else { return }
        let ids = PostgresArray(certificates.map(\.id.description))
        let capabilities = PostgresArray(certificates.map(\.route.capability.rawValue))
        let tasks = PostgresArray(certificates.map(\.route.task))
        let small = PostgresArray(certificates.map(\.smallModel))
        let full = PostgresArray(certificates.map(\.fullModel))
        let instants = PostgresArray(certificates.map(\.certifiedAt))
        let bodies = PostgresArray(certificates.map { JSONBytes(bytes: $0.encode()) })
        let insert: SQL = """
            INSERT INTO winnow.certificate (
                certificate_id, capability, task, small_model, full_model, certified_at, body)
            SELECT * FROM unnest(
                \(ids), \(capabilities), \(tasks), \(small), \(full), \(instants), \(bodies))
            ON CONFLICT DO NOTHING
            """
        try await session.run { connection in _ = try connection.execute(insert.named("register certificates")) }
    }

    public func revoke(
        _ certificate: Certificate.ID, for tenant: TenantID?, why: String, at time: Timestamp
    ) async throws -> Bool {
        let insert: SQL
        if let tenant {
            insert = """
                INSERT INTO winnow.certificate_tenant_revocation (certificate_id, tenant_id, revoked_at, reason)
                SELECT certificate_id, \(tenant.rawValue), \(time), \(why) FROM winnow.certificate
                WHERE certificate_id = \(certificate.description)
                ON CONFLICT DO NOTHING
                """
        } else {
            insert = """
                INSERT INTO winnow.certificate_revocation (certificate_id, revoked_at, reason)
                SELECT certificate_id, \(time), \(why) FROM winnow.certificate
                WHERE certificate_id = \(certificate.description)
                ON CONFLICT DO NOTHING
                """
        }
        let select: SQL = """
            SELECT EXISTS (SELECT FROM winnow.certificate WHERE certificate_id = \(certificate.description))
            """
        return try await session.run { connection in
            let results = try connection.execute(insert.named("revoke certificate"), select.named("find certificate"))
            return results.last?.first { $0.bool(0) } ?? false
        }
    }

    public func revokedTenants(of certificates: [Certificate.ID]) async throws -> [Certificate.ID: Set<TenantID>] {
        guard !certificates.isEmpty else { return [:] }
        let ids = PostgresArray(certificates.map(\.description))
        let select: SQL = """
            SELECT r.certificate_id, r.tenant_id FROM unnest(\(ids)) AS u (certificate_id)
            JOIN winnow.certificate_tenant_revocation AS r USING (certificate_id)
            """
        return try await session.run { connection in
            try connection.execute(select.named("read revoked tenants")).reduce(into: [:]) { revoked, result in
                _ = try result.rows { row throws in
                    guard let id = Certificate.ID(row.text(0)) else {
                        throw StoreError.unreadable("a certificate's id")
                    }
                    revoked[id, default: []].insert(TenantID(rawValue: row.text(1)))
                }
            }
        }
    }

    public func readCertificates() async throws -> CertificateReading {
        let select: SQL = """
            SELECT certificate_id, body FROM (
                SELECT DISTINCT ON (capability, task, small_model, full_model) capability, task, certificate_id, body
                FROM winnow.certificate
                ORDER BY capability, task, small_model, full_model, registered_at DESC, certified_at DESC,
                    certificate_id DESC
            ) AS newest
            WHERE NOT EXISTS (
                SELECT FROM winnow.certificate_revocation AS r WHERE r.certificate_id = newest.certificate_id)
            ORDER BY capability || '/' || task, certificate_id
            """
        return try await session.run { connection in
            let rows = try connection.execute(select.named("read certificates"))[0].rows { row in
                (id: row.text(0), certificate: try? Certificate(decoding: Array(row.bytes(1))))
            }
            return CertificateReading(
                standing: rows.compactMap(\.certificate), unreadable: rows.filter { $0.certificate == nil }.map(\.id))
        }
    }
}
