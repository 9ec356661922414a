import Contracts
import Store

extension PostgresStore: ShadowRegister, AgreementRegister {
    public func compared(among steps: [Step.ID]) async throws -> Set<Step.ID> {
        let keys = steps.map { RequestKey($0.request) }
        guard let lowest = keys.min(), let highest = keys.max() else { return [] }
        let requests = PostgresArray(keys)
        let ordinals = PostgresArray(steps.map { Int16(clamping: $0.ordinal) })
        let select: SQL = """
            SELECT DISTINCT c.request_id, c.step_ordinal
            FROM unnest(\(requests), \(ordinals)) AS u (request_id, step_ordinal)
            JOIN winnow.shadow_comparison AS c USING (request_id, step_ordinal)
            WHERE c.request_id BETWEEN \(lowest) AND \(highest)
            """
        let found = try await session.run { connection in
            try connection.execute(select.named("find comparisons")).flatMap { result in
                try result.rows { row throws in
                    Step.ID(request: try row.requestKey(0).requestID(), ordinal: Int(try row.integer(1)))
                }
            }
        }
        return Set(found)
    }

    public func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws {
        guard !comparisons.isEmpty else { return try await settle(entries) }
        let rows = ComparisonRows(comparisons)
        let settlement = entries.isEmpty ? [] : [Self.settlement(of: entries)]
        // Without BEGIN they are one transaction.
        try await session.run { connection in _ = try connection.execute(settlement + [rows.statement]) }
    }

    public func judge(
        limit: Int, _ verdict: @escaping @Sendable ([ShadowSample]) -> [Agreement]
    ) async throws -> [ShadowSample] {
        let limit = Int64(max(0, limit))
        // In the order in which comparisons are counted, so that two cannot wait for each other.
        let take: SQL = """
            WITH stale AS (
                SELECT ctid FROM winnow.shadow_tally WHERE is_stale
                ORDER BY hour, capability, task, certificate_id, small_model, full_model, sampling_probability
                LIMIT \(limit) FOR NO KEY UPDATE)
            UPDATE winnow.shadow_tally AS t SET is_stale = false FROM stale WHERE t.ctid = stale.ctid
            RETURNING t.hour, t.capability, t.task, t.certificate_id
            """
        return try await session.run { connection in
            let taken = try connection.execute("BEGIN", take.named("take grown tallies"))[1]
            guard taken.count > 0 else {
                try connection.execute("COMMIT")
                return []
            }
            let hours = try taken.rows { row throws in
                AgreementScope.hour(
                    try row.timestamp(0), Route(Capability(rawValue: row.text(1)), row.text(2)))
            }
            let certificates = taken.rows { $0.text(3) }
            let samples = try Self.samples(of: Set(hours), Set(certificates), on: connection)
            try connection.execute(AgreementRows.statements(verdict(samples)) + ["COMMIT"])
            return samples
        }
    }

    private static func samples(
        of hours: Set<AgreementScope>, _ certificates: Set<String>, on connection: PostgresConnection
    ) throws -> [ShadowSample] {
        let scopes = AgreementRows(hours)
        let ids = PostgresArray(certificates.sorted())
        let byHour: SQL = """
            SELECT t.sampling_probability, sum(t.compared)::bigint, sum(t.disagreed)::bigint, t.hour, t.capability, t.task
            FROM unnest(\(scopes.hours), \(scopes.capabilities), \(scopes.tasks)) AS u (hour, capability, task)
            JOIN winnow.shadow_tally AS t USING (hour, capability, task)
            GROUP BY t.hour, t.capability, t.task, t.sampling_probability ORDER BY t.sampling_probability
            """
        let byCertificate: SQL = """
            SELECT t.sampling_probability, sum(t.compared)::bigint, sum(t.disagreed)::bigint, t.certificate_id
            FROM winnow.shadow_tally AS t JOIN winnow.certificate AS c USING (certificate_id, full_model)
            WHERE t.certificate_id = ANY (\(ids))
            GROUP BY t.certificate_id, t.sampling_probability ORDER BY t.sampling_probability
            """
        let results = try connection.execute(
            byHour.named("sum tallies of hours"), byCertificate.named("sum tallies of certificates"))
        var samples: [AgreementScope: [ShadowSample.Stratum]] = [:]
        func note(_ row: PostgresRow, _ scope: AgreementScope) throws {
            samples[scope, default: []].append(
                .init(
                    probability: try row.double(0), compared: Int(try row.integer(1)),
                    disagreed: Int(try row.integer(2))))
        }
        _ = try results[0].rows { row throws in
            try note(row, .hour(try row.timestamp(3), Route(Capability(rawValue: row.text(4)), row.text(5))))
        }
        _ = try results[1].rows { row throws in
            guard let id = Certificate.ID(row.text(3)) else { throw StoreError.unreadable("a certificate's id") }
            try note(row, .certificate(id))
        }
        return samples.map { ShadowSample(scope: $0, strata: $1) }
    }

    /// What was judged last.
    public func agreement(of scope: AgreementScope) async throws -> Agreement? {
        let select: SQL
        switch scope {
        case .hour(let hour, let route):
            select = """
                SELECT compared, disagreed, agreement, low, high FROM winnow.agreement
                WHERE hour = \(hour) AND capability = \(route.capability.rawValue) AND task = \(route.task)
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
                    scope: scope, compared: Int(try row.integer(0)), disagreed: Int(try row.integer(1)),
                    value: try row.double(2), low: try row.double(3), high: try row.double(4))
            }
        }
    }
}
