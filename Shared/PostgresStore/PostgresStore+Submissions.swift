import Contracts
import Store

extension PostgresStore: SubmissionQueue {
    public func submit(_ submissions: [Submission]) async throws {
        // One statement cannot change a row twice.
        let last = Dictionary(submissions.map { (SubmissionKey($0), $0) }) { $1 }.values
        guard !last.isEmpty else { return }
        let tenants = PostgresArray(last.map(\.tenant.rawValue))
        let eventIDs = PostgresArray(last.map(\.eventID))
        let bodies = PostgresArray(last.map { Blob(bytes: $0.body) })
        let lanes = PostgresArray(last.map(\.lane.rawValue))
        let known = PostgresArray(Set(last.map(\.tenant.rawValue)).sorted())
        let insertTenants: SQL = """
            INSERT INTO winnow.tenant (tenant_id) SELECT unnest(\(known)) ON CONFLICT DO NOTHING
            """
        let insert: SQL = """
            INSERT INTO winnow.submission (tenant_id, event_id, body, lane)
            SELECT u.tenant_id, u.event_id, u.body, u.lane
            FROM unnest(\(tenants), \(eventIDs), \(bodies), \(lanes)) AS u (tenant_id, event_id, body, lane)
            ON CONFLICT (tenant_id, event_id) DO UPDATE SET sent_at = NULL
            """
        try await session.run { connection in
            _ = try connection.execute(insertTenants.named("insert tenants"), insert.named("insert submissions"))
        }
    }

    /// Sends those again that were answered before `instant`: whoever waits has not seen the result, which the broker may
    /// have forgotten.
    public func submitAgain(_ submissions: [Submission], answeredBefore instant: Timestamp) async throws {
        let eventIDs = Dictionary(grouping: submissions, by: \.tenant)
        var lost: [Submission] = []
        for (tenant, members) in eventIDs {
            let ids = PostgresArray(members.map(\.eventID))
            let select: SQL = """
                SELECT event_id FROM winnow.request
                WHERE tenant_id = \(tenant.rawValue) AND event_id = ANY (\(ids))
                    AND state <> 'open' AND completed_at < \(instant)
                """
            let answered = try await session.run { connection in
                Set(try connection.execute(select.named("find answered requests"))[0].rows { $0.text(0) })
            }
            lost += members.filter { answered.contains($0.eventID) }
        }
        try await submit(lost)
    }

    public func next(_ turn: SubmissionTurn) async throws -> [Submission] {
        let limit = Int64(max(0, turn.limit)), window = Int64(max(0, turn.window)), lane = turn.lane.rawValue
        let any: SQL = "SELECT EXISTS (SELECT FROM winnow.submission)"
        // Several decomposers ask; one at a time has the turn, the others get nothing and ask again.
        let alone: SQL = "SELECT pg_try_advisory_xact_lock(hashtext('winnow.submission'))"
        let forget: SQL = """
            DELETE FROM winnow.submission AS s USING winnow.request AS r
            WHERE s.sent_at IS NOT NULL AND r.tenant_id = s.tenant_id AND r.event_id = s.event_id
            """
        let room: SQL = """
            SELECT \(window) - (SELECT count(*) FROM (
                    SELECT FROM winnow.request WHERE state = 'open' AND lane = \(lane) LIMIT \(window)) AS open)
                - (SELECT count(*) FROM winnow.submission
                    WHERE sent_at >= \(turn.resendBefore) AND lane = \(lane))
            """
        return try await session.run { connection in
            // Nothing waits most of the time, and where the topic keeps what it is given, ever.
            let waits = try connection.execute(any.named("look for submissions"))[0].first { row in row.bool(0) }
            guard waits == true else { return [] }
            let read = try connection.execute("BEGIN", alone.named("take the turn"))
            guard try read[1].first({ row throws in row.bool(0) }) == true else {
                try connection.execute("COMMIT")
                return []
            }
            let counted = try connection.execute(forget.named("forget submissions"), room.named("count open requests"))
            let most = min(limit, try counted[1].first { row throws in try row.integer(0) } ?? 0)
            guard most > 0 else {
                try connection.execute("COMMIT")
                return []
            }
            // Each tenant's next ones by index, then the first of every tenant, the second of every tenant, and so on.
            let take: SQL = """
                UPDATE winnow.submission AS s SET sent_at = \(turn.now)
                FROM (
                    SELECT tenant_id, event_id FROM (
                        SELECT n.tenant_id, n.event_id, n.submitted_at,
                            row_number() OVER (PARTITION BY n.tenant_id ORDER BY n.submitted_at) AS place
                        FROM winnow.tenant AS t CROSS JOIN LATERAL (
                            SELECT w.tenant_id, w.event_id, w.submitted_at FROM winnow.submission AS w
                            WHERE w.lane = \(lane) AND w.tenant_id = t.tenant_id AND w.sent_at IS NULL
                            ORDER BY w.submitted_at LIMIT \(most)) AS n
                        UNION ALL
                        (SELECT tenant_id, event_id, submitted_at, 0 FROM winnow.submission
                        WHERE sent_at < \(turn.resendBefore) AND lane = \(lane) ORDER BY sent_at LIMIT \(most))) AS waiting
                    ORDER BY place, submitted_at LIMIT \(most)) AS taken
                WHERE s.tenant_id = taken.tenant_id AND s.event_id = taken.event_id
                RETURNING s.tenant_id, s.event_id, s.body
                """
            let taken = try connection.execute(take.named("take submissions"), "COMMIT")
            return try taken[0].rows { row throws in
                Submission(
                    tenant: TenantID(rawValue: row.text(0)), eventID: row.text(1), body: Array(row.bytes(2)),
                    lane: turn.lane)
            }
        }
    }
}

private struct SubmissionKey: Hashable {
    let tenant: TenantID
    let eventID: String

    init(_ submission: Submission) { (tenant, eventID) = (submission.tenant, submission.eventID) }
}
