import Contracts
import Store

extension PostgresStore: SubmissionQueue {
    public func submit(_ submissions: [Submission]) async throws -> Set<Int> {
        guard !submissions.isEmpty else { return [] }
        let batch = SubmitBatch(submissions)
        let tenants = Self.insertTenants(Set(submissions.map(\.tenant)))
        // Without BEGIN, the statements are one transaction.
        return try await session.run { connection in
            try batch.refused(connection.execute([tenants] + batch.statements).dropFirst())
        }
    }

    public func submitAgain(_ submissions: [Submission], answeredBefore instant: Timestamp) async throws {
        let eventIDs = Dictionary(grouping: submissions, by: \.tenant)
        var lost: [Submission] = []
        for (tenant, members) in eventIDs {
            let ids = PostgresArray(members.map(\.eventID.text))
            let select: SQL = """
                SELECT event_id FROM winnow.request
                WHERE tenant_id = \(tenant.rawValue) AND event_id = ANY (\(ids))
                    AND state <> 'open' AND completed_at < \(instant)
                """
            let answered = try await session.run { connection in
                Set(
                    try connection.execute(select.named("find answered requests"))[0].rows {
                        EventID(try $0.text(.only))
                    })
            }
            lost += members.filter { answered.contains($0.eventID) }
        }
        // If another body waits under the id in the meantime, the request is refused here and submitted again when the
        // client asks again.
        _ = try await submit(lost)
    }

    public func waiting(
        of tenants: [TenantID], in lane: Lane, atMost limits: WaitingLimits
    ) async throws -> WaitingCount {
        let lane = lane.rawValue
        let select: SQL = """
            SELECT u.tenant_id, n.waiting FROM unnest(\(PostgresArray(tenants.map(\.rawValue)))) AS u (tenant_id)
            CROSS JOIN LATERAL (
                SELECT count(*) AS waiting FROM (
                    SELECT FROM winnow.submission AS s
                    WHERE s.lane = \(lane) AND s.tenant_id = u.tenant_id AND s.sent_at IS NULL
                    LIMIT \(Int64(limits.ofTenant))) AS w) AS n
            UNION ALL
            SELECT NULL, count(*) FROM (
                SELECT FROM winnow.submission WHERE lane = \(lane) AND sent_at IS NULL
                LIMIT \(Int64(limits.ofAll))) AS w
            """
        return try await session.run { connection in
            var count = WaitingCount(tenants: [:], all: 0)
            _ = try connection.execute(select.named("count what waits"))[0].rows { row throws in
                let waiting = Int(try row.integer("waiting"))
                if try row.isNull("tenant_id") {
                    count.all = waiting
                } else {
                    count.tenants[try row.tenant()] = waiting
                }
            }
            return count
        }
    }

    public func occupancy(of tenants: [TenantID], _ turn: SubmissionTurn) async throws -> Occupancy {
        let select = Self.occupancy(of: tenants, turn)
        return try await session.run { connection in try Occupancy(connection.execute(select)[0]) }
    }

    public func next(_ turn: SubmissionTurn) async throws -> [Submission] {
        let any: SQL = "SELECT EXISTS (SELECT FROM winnow.submission)"
        // Several decomposers may ask. Only one at a time dequeues from a lane; the others get nothing and ask again.
        let alone: SQL = "SELECT pg_try_advisory_xact_lock(hashtext(\("winnow.submission.\(turn.lane.rawValue)")))"
        let occupancy = Self.occupancy(of: [], turn)
        return try await session.run { connection in
            // Usually nothing waits.
            let waits = try connection.execute(any.named("look for submissions"))[0].first { try $0.bool(.only) }
            guard waits == true else { return [] }
            let read = try connection.execute("BEGIN", alone.named("take the turn"))
            guard try read[1].first({ row throws in try row.bool(.only) }) == true else {
                try connection.execute("COMMIT")
                return []
            }
            var turns = try FairShare(
                Occupancy(connection.execute(occupancy)[0]), window: turn.window, share: turn.share)
            let taken = try connection.execute(Self.take(turns.next(limit: turn.limit), turn), "COMMIT")
            return try taken[0].rows { row throws in try row.submission() }
        }
    }

    public func forget(_ events: [EventKey]) async throws {
        guard !events.isEmpty else { return }
        // `num_nulls` hides the condition from the planner. With `IS NOT NULL` it would use the partial index on taken
        // requests, and compare each of them with each event.
        let delete: SQL = """
            DELETE FROM winnow.submission AS s
            USING unnest(\(PostgresArray(events.map(\.tenant.rawValue))), \(PostgresArray(events.map(\.eventID.text))))
                AS u (tenant_id, event_id)
            WHERE s.tenant_id = u.tenant_id AND s.event_id = u.event_id AND num_nulls(s.sent_at) = 0
            """
        try await session.run { connection in _ = try connection.execute(delete.named("forget submissions")) }
    }

    public func cancelWaiting(
        _ eventID: EventID, of tenant: TenantID?, at time: Timestamp
    ) async throws -> [TenantID] {
        let cancel: SQL = """
            WITH found AS (
                SELECT s.tenant_id FROM winnow.tenant AS t JOIN winnow.submission AS s ON s.tenant_id = t.tenant_id
                WHERE s.event_id = \(eventID.text) AND s.sent_at IS NULL
                    AND (\(tenant?.rawValue) IS NULL OR t.tenant_id = \(tenant?.rawValue))),
            cancelled AS (
                UPDATE winnow.submission AS s SET cancelled_at = \(time) FROM found
                WHERE s.tenant_id = found.tenant_id AND s.event_id = \(eventID.text) AND s.sent_at IS NULL
                    AND (SELECT count(*) FROM found) = 1
                RETURNING s.tenant_id)
            SELECT tenant_id FROM cancelled
            UNION ALL SELECT tenant_id FROM found WHERE (SELECT count(*) FROM found) > 1
            """
        return try await session.run { connection in
            try connection.execute(cancel.named("cancel submissions"))[0].rows { row throws in
                try row.tenant()
            }
        }
    }
}

extension PostgresStore {
    /// Finds tenants with waiting requests by skipping through the index from tenant to tenant, so the cost does not
    /// depend on the number of waiting requests. Requests in progress are counted up to the limit that no turn exceeds.
    private static func occupancy(of tenants: [TenantID], _ turn: SubmissionTurn) -> SQL {
        let lane = turn.lane.rawValue
        let sql: SQL = """
            WITH RECURSIVE waiting (tenant_id) AS (
                (SELECT tenant_id FROM winnow.submission WHERE lane = \(lane) AND sent_at IS NULL
                ORDER BY tenant_id LIMIT 1)
                UNION ALL
                SELECT (
                    SELECT s.tenant_id FROM winnow.submission AS s
                    WHERE s.lane = \(lane) AND s.sent_at IS NULL AND s.tenant_id > w.tenant_id
                    ORDER BY s.tenant_id LIMIT 1)
                FROM waiting AS w WHERE w.tenant_id IS NOT NULL)
            SELECT g.tenant_id, g.under_way, w.waiting, w.since, coalesce(t.weight, 1) AS weight
            FROM (
                SELECT tenant_id, sum(n) AS under_way FROM (
                    SELECT tenant_id, 1 AS n FROM (
                        SELECT tenant_id FROM winnow.request WHERE state = 'open' AND lane = \(lane)
                        LIMIT \(Int64(2 * max(0, turn.window)))) AS open
                    UNION ALL
                    SELECT tenant_id, 1 FROM winnow.submission WHERE sent_at >= \(turn.resendBefore) AND lane = \(lane)
                    UNION ALL
                    SELECT tenant_id, 0 FROM waiting WHERE tenant_id IS NOT NULL
                    UNION ALL
                    SELECT tenant_id, 0 FROM unnest(\(PostgresArray(tenants.map(\.rawValue)))) AS u (tenant_id)) AS m
                GROUP BY tenant_id) AS g
            LEFT JOIN winnow.tenant AS t ON t.tenant_id = g.tenant_id
            CROSS JOIN LATERAL (
                SELECT count(*) AS waiting, min(submitted_at) AS since FROM (
                    SELECT s.submitted_at FROM winnow.submission AS s
                    WHERE s.lane = \(lane) AND s.tenant_id = g.tenant_id AND s.sent_at IS NULL
                    ORDER BY s.submitted_at LIMIT \(Int64(max(0, turn.limit)))) AS n) AS w
            """
        return sql.named("read occupancy")
    }

    private static func take(_ next: [TenantID: Int], _ turn: SubmissionTurn) -> SQL {
        let limit = Int64(max(0, turn.limit)), lane = turn.lane.rawValue
        let sql: SQL = """
            UPDATE winnow.submission AS s SET sent_at = \(turn.now)
            FROM (
                SELECT n.tenant_id, n.event_id
                FROM unnest(\(PostgresArray(next.map(\.key.rawValue))), \(PostgresArray(next.map { Int64($0.value) })))
                    AS u (tenant_id, most)
                CROSS JOIN LATERAL (
                    SELECT w.tenant_id, w.event_id FROM winnow.submission AS w
                    WHERE w.lane = \(lane) AND w.tenant_id = u.tenant_id AND w.sent_at IS NULL
                    ORDER BY w.submitted_at LIMIT u.most) AS n
                UNION ALL
                (SELECT tenant_id, event_id FROM winnow.submission
                WHERE sent_at < \(turn.resendBefore) AND lane = \(lane) ORDER BY sent_at LIMIT \(limit))
                UNION ALL
                (SELECT tenant_id, event_id FROM winnow.submission
                WHERE lane = \(lane) AND sent_at IS NULL AND (deadline_at IS NOT NULL OR cancelled_at IS NOT NULL)
                    AND least(deadline_at, cancelled_at) <= \(turn.now)
                ORDER BY least(deadline_at, cancelled_at) LIMIT \(limit))) AS taken
            WHERE s.tenant_id = taken.tenant_id AND s.event_id = taken.event_id
            RETURNING s.tenant_id, s.event_id, s.body, s.deadline_at, s.traceparent,
                s.cancelled_at IS NOT NULL AS is_cancelled, s.lane, s.place
            """
        return sql.named("take submissions")
    }
}

extension Occupancy {
    fileprivate init(_ result: PostgresResult) throws {
        let rows = try result.rows { row throws in
            let tenant = Tenant(
                underWay: Int(try row.integer("under_way")), waiting: Int(try row.integer("waiting")),
                waitingSince: try row.optionalTimestamp("since"), weight: Int(try row.integer("weight")))
            return (try row.tenant(), tenant)
        }
        self.init(Dictionary(rows) { first, _ in first })
    }
}

extension PostgresRow {
    /// Reads the columns `tenant_id` and `event_id`.
    func eventKey() throws(StoreError) -> EventKey {
        EventKey(tenant: try tenant(), eventID: EventID(try text("event_id")))
    }

    fileprivate func submission() throws(StoreError) -> Submission {
        Submission(
            tenant: try tenant(), eventID: EventID(try text("event_id")), body: Array(try bytes("body")),
            deadline: try optionalTimestamp("deadline_at"), traceparent: try optionalText("traceparent"),
            lane: try label("lane"), isCancelled: try bool("is_cancelled"), place: try integer("place"))
    }
}

/// Submissions as columns, with each event once, since one statement cannot change a row twice.
struct SubmissionRows {
    var tenants = PostgresArray<String>()
    var eventIDs = PostgresArray<String>()
    var bodies = PostgresArray<Blob>()
    var deadlines = PostgresArray<Timestamp>()
    var traceparents = PostgresArray<String>()
    var lanes = PostgresArray<String>()
    var places = PostgresArray<Int64>()
    /// In the order of the rows.
    private(set) var keys: [EventKey] = []

    /// - Parameter submissions: submissions of distinct events.
    init(_ submissions: some Sequence<Submission>) {
        // Sorted by key, as in every other batch, so that two transactions cannot deadlock.
        for submission in submissions.sorted(by: { $0.key < $1.key }) {
            tenants.append(submission.tenant.rawValue)
            eventIDs.append(submission.eventID.text)
            bodies.append(Blob(bytes: submission.body))
            deadlines.append(submission.deadline)
            traceparents.append(submission.traceparent)
            lanes.append(submission.lane.rawValue)
            places.append(submission.place)
            keys.append(submission.key)
        }
    }
}

extension SQL.StringInterpolation {
    /// `INSERT INTO winnow.submission AS s SELECT … FROM unnest(…) AS u (…)`. The caller appends further clauses.
    mutating func appendInterpolation(insert rows: SubmissionRows) {
        appendLiteral(
            """
            INSERT INTO winnow.submission AS s (tenant_id, event_id, body, deadline_at, traceparent, lane, place)
            SELECT u.tenant_id, u.event_id, u.body, u.deadline_at, u.traceparent, u.lane, u.place
            FROM unnest(
            """)
        list(rows.tenants, rows.eventIDs, rows.bodies, rows.deadlines, rows.traceparents, rows.lanes)
        appendLiteral(", ")
        list(rows.places)
        appendLiteral(") AS u (tenant_id, event_id, body, deadline_at, traceparent, lane, place)")
    }
}
