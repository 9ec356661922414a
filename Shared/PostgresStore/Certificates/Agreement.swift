import Contracts
import Store

extension PostgresStore: ShadowRegister, AgreementRegister {
    public func compared(among texts: [ShadowText]) async throws -> Set<Int> {
        guard !texts.isEmpty else { return [] }
        let certificates = PostgresArray(texts.map(\.certificate.description))
        let models = PostgresArray(texts.map(\.fullModel))
        let tenants = PostgresArray(texts.map(\.tenant.rawValue))
        let contents = PostgresArray(texts.map { Blob(bytes: Array($0.text.utf8)) })
        let select: SQL = """
            SELECT u.place - 1 AS place
            FROM unnest(\(certificates), \(models), \(tenants), \(contents))
                WITH ORDINALITY AS u (certificate_id, full_model, tenant_id, content, place)
            JOIN winnow.shadow_text AS t
                ON t.certificate_id = u.certificate_id AND t.full_model = u.full_model
                AND t.digest = winnow.text_digest(u.content) AND t.tenant_id = u.tenant_id
            """
        return try await session.run { connection in
            let found = try connection.execute(select.named("find compared texts")).flatMap { result in
                try result.rows { row throws in Int(try row.integer("place")) }
            }
            return Set(found)
        }
    }

    public func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws {
        guard !comparisons.isEmpty else { return try await settle(entries) }
        let rows = ComparisonRows(comparisons)
        let settlement = entries.isEmpty ? [] : Self.settlement(of: entries)
        // Without BEGIN, the statements are one transaction.
        try await session.run { connection in
            _ = try connection.execute([ComparisonRows.lock] + settlement + [rows.statement])
        }
    }

    public func judge(
        limit: Int, _ verdict: @escaping @Sendable (AgreementEvidence) -> AgreementVerdict
    ) async throws -> (evidence: AgreementEvidence, revoked: [Revocation]) {
        let limit = Int64(max(0, limit))
        // The rows are locked in the order in which comparisons are counted, so that two transactions cannot deadlock.
        let take: SQL = """
            WITH stale AS (
                SELECT ctid FROM winnow.shadow_tally WHERE is_stale
                ORDER BY hour, capability, task, certificate_id, small_model, full_model, tenant_id,
                    sampling_probability
                LIMIT \(limit) FOR NO KEY UPDATE)
            UPDATE winnow.shadow_tally AS t SET is_stale = false FROM stale WHERE t.ctid = stale.ctid
            RETURNING t.hour, t.capability, t.task, t.tenant_id, t.certificate_id
            """
        return try await session.run { connection in
            let taken = try connection.execute("BEGIN", take.named("take grown tallies"))[1]
            guard taken.count > 0 else {
                try connection.execute("COMMIT")
                return (.none, [])
            }
            let grown = try taken.rows { row throws -> [AgreementScope] in
                let tenant = try row.tenant()
                return [
                    .hour(try row.timestamp("hour"), try row.route(), tenant),
                    .tenant(try row.certificateID(), tenant),
                ]
            }
            let evidence = try Self.evidence(of: Set(grown.joined()), on: connection)
            let judged = verdict(evidence)
            let agreements = AgreementRows.statements(judged.agreements)
            let revocations = RevocationRows.statements(judged.revocations)
            let results = try connection.execute(agreements + revocations + ["COMMIT"])
            let written = try results.dropFirst(agreements.count).prefix(revocations.count).flatMap { result in
                try result.rows { row throws in
                    RevokedKey(
                        certificate: try row.certificateID(),
                        tenant: try row.optionalText("tenant_id").map { TenantID(rawValue: $0) })
                }
            }
            let new = Set(written)
            return (evidence, judged.revocations.filter { new.contains(RevokedKey($0)) })
        }
    }

    /// - Parameter grown: the requested scopes. The other tenants of the same certificates are included.
    private static func evidence(
        of grown: Set<AgreementScope>, on connection: PostgresConnection
    ) throws -> AgreementEvidence {
        let scopes = AgreementRows(grown)
        let byHour: SQL = """
            SELECT t.sampling_probability, sum(t.compared)::bigint AS compared, sum(t.disagreed)::bigint AS disagreed,
                t.hour, t.capability, t.task, t.tenant_id
            FROM unnest(\(scopes.hours), \(scopes.capabilities), \(scopes.tasks), \(scopes.hourTenants))
                AS u (hour, capability, task, tenant_id)
            JOIN winnow.shadow_tally AS t USING (hour, capability, task, tenant_id)
            GROUP BY t.hour, t.capability, t.task, t.tenant_id, t.sampling_probability
            ORDER BY t.sampling_probability
            """
        let byTenant: SQL = """
            SELECT e.sampling_probability, e.compared, e.disagreed, e.novel, e.novel_disagreed, e.certificate_id,
                e.tenant_id, s.position::bigint AS position
            FROM (SELECT DISTINCT certificate_id FROM unnest(\(scopes.certificates)) AS u (certificate_id)) AS u
            JOIN winnow.certificate AS c USING (certificate_id)
            JOIN winnow.shadow_evidence AS e USING (certificate_id, full_model)
            JOIN winnow.shadow_tenant AS s USING (certificate_id, tenant_id)
            ORDER BY e.sampling_probability
            """
        let results = try connection.execute(
            byHour.named("sum tallies of hours"), byTenant.named("read evidence of certificates"),
            CertificateReading.select, CertificateReading.revokedTenants(of: scopes.certificates))
        var samples: [AgreementScope: ShadowSample] = [:]
        func note(_ scope: AgreementScope, position: Int = 0, _ stratum: ShadowSample.Stratum) {
            let empty = ShadowSample(scope: scope, position: position, hasGrown: grown.contains(scope), strata: [])
            samples[scope, default: empty].strata.append(stratum)
        }
        _ = try results[0].rows { row throws in
            note(
                .hour(try row.timestamp("hour"), try row.route(), try row.tenant()),
                .init(
                    probability: try row.double("sampling_probability"), compared: Int(try row.integer("compared")),
                    disagreed: Int(try row.integer("disagreed")), novel: 0, novelDisagreed: 0))
        }
        _ = try results[1].rows { row throws in
            note(
                .tenant(try row.certificateID(), try row.tenant()), position: Int(try row.integer("position")),
                .init(
                    probability: try row.double("sampling_probability"), compared: Int(try row.integer("compared")),
                    disagreed: Int(try row.integer("disagreed")), novel: Int(try row.integer("novel")),
                    novelDisagreed: Int(try row.integer("novel_disagreed"))))
        }
        return AgreementEvidence(
            samples: Array(samples.values), standing: try CertificateReading(results[2]).standing,
            revokedTenants: try CertificateReading.revokedTenants(results[3]))
    }

    /// Reads the latest verdict of a scope.
    public func agreement(of scope: AgreementScope) async throws -> Agreement? {
        let select: SQL
        switch scope {
        case .hour(let hour, let route, let tenant):
            select = """
                SELECT compared, disagreed, agreement, low, high FROM winnow.agreement
                WHERE hour = \(hour) AND capability = \(route.capability.rawValue) AND task = \(route.task)
                    AND tenant_id = \(tenant.rawValue)
                """
        case .tenant(let id, let tenant):
            select = """
                SELECT compared, disagreed, agreement, low, high FROM winnow.tenant_agreement
                WHERE certificate_id = \(id.description) AND tenant_id = \(tenant.rawValue)
                """
        case .certificate(let id):
            select = """
                SELECT compared, disagreed, agreement, low, high FROM winnow.certificate_agreement
                WHERE certificate_id = \(id.description)
                """
        }
        return try await session.run { connection in
            try connection.execute(select).first?.first { row throws in
                Agreement(
                    scope: scope, compared: Int(try row.integer("compared")),
                    disagreed: Int(try row.integer("disagreed")), value: try row.double("agreement"),
                    low: try row.double("low"), high: try row.double("high"))
            }
        }
    }
}

/// Identifies a revocation by its certificate and its tenant.
private struct RevokedKey: Hashable {
    let certificate: Certificate.ID
    let tenant: TenantID?
}

extension RevokedKey {
    init(_ revocation: Revocation) { self.init(certificate: revocation.certificate, tenant: revocation.tenant) }
}
