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
        let insert = RevocationRows.statements([Revocation(of: certificate, for: tenant, reason: why, at: time)])
        let select: SQL = """
            SELECT EXISTS (SELECT FROM winnow.certificate WHERE certificate_id = \(certificate.description))
            """
        return try await session.run { connection in
            let results = try connection.execute(insert + [select.named("find certificate")])
            return try results.last?.first { try $0.bool(.only) } ?? false
        }
    }

    public func revokedTenants(of certificates: [Certificate.ID]) async throws -> [Certificate.ID: Set<TenantID>] {
        guard !certificates.isEmpty else { return [:] }
        let select = CertificateReading.revokedTenants(of: PostgresArray(certificates.map(\.description)))
        return try await session.run { connection in
            try CertificateReading.revokedTenants(connection.execute(select)[0])
        }
    }

    public func readCertificates() async throws -> CertificateReading {
        try await session.run { connection in
            try CertificateReading(connection.execute(CertificateReading.select)[0])
        }
    }
}

/// The query for certificates. It is run alone or in the transaction that judges the certificates.
extension CertificateReading {
    static var select: SQL {
        let sql: SQL = """
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
        return sql.named("read certificates")
    }

    init(_ result: PostgresResult) throws {
        let rows = try result.rows { row throws in
            let body = Array(try row.bytes("body"))
            return (id: try row.text("certificate_id"), certificate: try? Certificate(decoding: body))
        }
        self.init(
            standing: rows.compactMap(\.certificate), unreadable: rows.filter { $0.certificate == nil }.map(\.id))
    }

    static func revokedTenants(of certificates: PostgresArray<String>) -> SQL {
        let sql: SQL = """
            SELECT r.certificate_id, r.tenant_id
            FROM (SELECT DISTINCT certificate_id FROM unnest(\(certificates)) AS u (certificate_id)) AS u
            JOIN winnow.certificate_tenant_revocation AS r USING (certificate_id)
            """
        return sql.named("read revoked tenants")
    }

    static func revokedTenants(_ result: PostgresResult) throws -> [Certificate.ID: Set<TenantID>] {
        let rows = try result.rows { row throws in (try row.certificateID(), try row.tenant()) }
        return Dictionary(rows.map { ($0.0, [$0.1]) }) { $0.union($1) }
    }
}

extension PostgresRow {
    /// Reads the column `certificate_id`.
    func certificateID() throws(StoreError) -> Certificate.ID {
        guard let id = Certificate.ID(try text("certificate_id")) else { throw .unreadable("a certificate's id") }
        return id
    }
}

/// Revocations as columns. Revocations for all tenants and for single tenants use separate statements.
struct RevocationRows {
    private var certificates = PostgresArray<String>()
    private var tenants = PostgresArray<String>()
    private var instants = PostgresArray<Timestamp>()
    private var reasons = PostgresArray<String>()

    private init(_ revocations: [Revocation]) {
        for revocation in revocations {
            certificates.append(revocation.certificate.description)
            tenants.append(revocation.tenant?.rawValue)
            instants.append(revocation.revokedAt)
            reasons.append(revocation.reason)
        }
    }

    /// Each statement returns the certificate and the tenant of the rows that it inserted. Unknown certificates are
    /// skipped.
    static func statements(_ revocations: [Revocation]) -> [SQL] {
        let (all, single) = (revocations.filter { $0.tenant == nil }, revocations.filter { $0.tenant != nil })
        return (all.isEmpty ? [] : [RevocationRows(all).forEverybody])
            + (single.isEmpty ? [] : [RevocationRows(single).forTenants])
    }

    private var forEverybody: SQL {
        let sql: SQL = """
            INSERT INTO winnow.certificate_revocation (certificate_id, revoked_at, reason)
            SELECT certificate_id, u.revoked_at, u.reason
            FROM unnest(\(certificates), \(instants), \(reasons)) AS u (certificate_id, revoked_at, reason)
            JOIN winnow.certificate USING (certificate_id)
            ORDER BY certificate_id
            ON CONFLICT DO NOTHING
            RETURNING certificate_id, NULL::text AS tenant_id
            """
        return sql.named("revoke certificates")
    }

    private var forTenants: SQL {
        let sql: SQL = """
            INSERT INTO winnow.certificate_tenant_revocation (certificate_id, tenant_id, revoked_at, reason)
            SELECT certificate_id, u.tenant_id, u.revoked_at, u.reason
            FROM unnest(\(certificates), \(tenants), \(instants), \(reasons))
                AS u (certificate_id, tenant_id, revoked_at, reason)
            JOIN winnow.certificate USING (certificate_id)
            ORDER BY certificate_id, u.tenant_id
            ON CONFLICT DO NOTHING
            RETURNING certificate_id, tenant_id
            """
        return sql.named("revoke certificates for tenants")
    }
}
