import Contracts
import Store

extension PostgresStore {
    /// Returns when the server answers.
    /// - Throws: `StoreError`, retriable while the server is unavailable.
    public func ping() async throws {
        let select: SQL = "SELECT 1"
        try await session.run { connection in _ = try connection.execute(select.named("ping")) }
    }

    public func pastDeadline(at time: Timestamp, limit: Int) async throws -> [Request.ID] {
        let select: SQL = """
            SELECT request_id FROM winnow.request WHERE state = 'open' AND deadline_at <= \(time)
            ORDER BY deadline_at, request_id LIMIT \(Int64(max(0, limit)))
            """
        return try await requests(select.named("read requests past their deadline"))
    }

    /// A request without progress since a time was accepted before it, which an index can find. So recent requests are
    /// not read.
    public func stalled(
        now: Timestamp, since: Timestamp, bulkSince: Timestamp, limit: Int
    ) async throws -> [Request.ID] {
        let select: SQL = """
            SELECT request_id FROM winnow.request
            WHERE state = 'open' AND accepted_at < greatest(\(since), \(bulkSince))
                AND progressed_at < CASE lane WHEN 'bulk' THEN \(bulkSince) ELSE \(since) END
                AND coalesce(redrive_at <= \(now), true)
            ORDER BY accepted_at, request_id LIMIT \(Int64(max(0, limit)))
            """
        return try await requests(select.named("read stalled requests"))
    }

    public func postponeRedrive(of requests: [Request.ID], until instant: Timestamp) async throws {
        guard !requests.isEmpty else { return }
        let update: SQL = """
            UPDATE winnow.request SET redrive_at = \(instant)
            WHERE request_id = ANY (\(PostgresArray(requests.map { RequestKey($0) }))) AND state = 'open'
            """
        try await session.run { connection in _ = try connection.execute(update.named("postpone re-drives")) }
    }

    private func requests(_ select: SQL) async throws -> [Request.ID] {
        try await session.run { connection in
            try connection.execute(select)[0].rows { row throws in try row.requestKey().requestID() }
        }
    }

    public func abandonCalls(olderThan age: Duration, limit: Int) async throws -> [Request.ID] {
        let (age, limit) = (Int64(age / .milliseconds(1)), Int64(max(0, limit)))
        let abandon: SQL = """
            UPDATE winnow.attempt AS a SET state = 'unknown'
            FROM (
                SELECT request_id, step_ordinal, number FROM winnow.attempt
                WHERE state = 'started' AND started_at < now() - \(age) * interval '1 millisecond'
                ORDER BY started_at LIMIT \(limit)) AS lost
            WHERE a.request_id = lost.request_id AND a.step_ordinal = lost.step_ordinal AND a.number = lost.number
                AND a.state = 'started'
            RETURNING a.request_id
            """
        return try await session.run { connection in
            let ids = try connection.execute(abandon.named("abandon lost calls")).flatMap { result in
                try result.rows { row throws in try row.requestKey().requestID() }
            }
            return Set(ids).sorted()
        }
    }

    /// Merges the ledger's sums of past hours.
    /// - Returns: the number of changed sums.
    @discardableResult
    public func foldCosts() async throws -> Int {
        let call: SQL = "SELECT winnow.fold_costs()"
        return try await session.run { connection in
            try connection.execute(call.named("fold costs"))[0].first { row throws in Int(try row.integer(.only)) } ?? 0
        }
    }

    /// Creates the partitions of the coming days, drops partitions past their retention and deletes their final
    /// requests.
    /// - Returns: what was done. Call again while `deleted` is not 0.
    @discardableResult
    public func maintainPartitions(daysAhead: Int = 7, retentionDays: Int = 30) async throws -> PartitionMaintenance {
        let call: SQL = """
            SELECT created, dropped, deleted
            FROM winnow.maintain_partitions(\(Int32(clamping: daysAhead)), \(Int32(clamping: retentionDays)))
            """
        return try await session.run { connection in
            let results = try connection.execute(call.named("maintain partitions"))
            let done = try results[0].first { row throws in
                PartitionMaintenance(
                    created: Int(try row.integer("created")), dropped: Int(try row.integer("dropped")),
                    deletedRequests: Int(try row.integer("deleted")))
            }
            return done ?? PartitionMaintenance(created: 0, dropped: 0, deletedRequests: 0)
        }
    }
}

/// The result of a maintenance run.
public struct PartitionMaintenance: Sendable, Equatable {
    public let created: Int
    public let dropped: Int
    public let deletedRequests: Int
}

extension PostgresStore {
    /// Deletes rows past their retention from the tables without partitions, up to a limit.
    /// - Returns: the number of deleted rows. Call again while it is not 0.
    @discardableResult
    public func applyRetention(_ retention: Retention = Retention()) async throws -> Int {
        let call: SQL = """
            SELECT winnow.apply_retention(
                \(Int32(clamping: retention.hourly)), \(Int32(clamping: retention.daily)),
                \(Int32(clamping: retention.dispositions)), \(Int32(clamping: retention.tenants)))
            """
        return try await session.run { connection in
            let results = try connection.execute(call.named("apply retention"))
            return try results[0].first { row throws in Int(try row.integer(.only)) } ?? 0
        }
    }

    /// Erases items and answers of a tenant's final requests that were accepted before an instant. States, costs and
    /// the ledger are kept.
    /// - Returns: the number of erased requests. Requests that were already erased do not count.
    public func erasePayload(of tenant: TenantID, before instant: Timestamp) async throws -> Int {
        let batch: Int32 = 1000
        var erased = 0
        var last: String? = ""
        // Each batch is its own transaction and starts after the last event id of the previous batch.
        while let after = last {
            let call: SQL = """
                SELECT seen, erased, last_event
                FROM winnow.erase_payload(\(tenant.rawValue), \(instant), \(after), \(batch))
                """
            let done = try await session.run { connection in
                try connection.execute(call.named("erase payload"))[0].first { row throws in
                    (
                        seen: try row.integer("seen"), erased: Int(try row.integer("erased")),
                        last: try row.optionalText("last_event")
                    )
                }
            }
            erased += done?.erased ?? 0
            last = (done?.seen ?? 0) < Int64(batch) ? nil : done?.last
        }
        return erased
    }

    /// Requests cancellation of a tenant's requests from before an instant that are open or wait.
    /// - Returns: the number of these requests. The aggregator cancels them within about a second.
    public func cancelRequests(of tenant: TenantID, before instant: Timestamp, at now: Timestamp) async throws -> Int {
        let cancel: SQL = """
            WITH open AS (
                SELECT request_id FROM ops.request
                WHERE tenant = \(tenant.rawValue) AND state = 'open' AND accepted_at < \(instant)),
            wished AS (
                INSERT INTO winnow.cancellation (request_id, requested_at)
                SELECT request_id, \(now) FROM open ON CONFLICT DO NOTHING),
            waiting AS (
                UPDATE winnow.submission SET cancelled_at = \(now)
                WHERE tenant_id = \(tenant.rawValue) AND submitted_at < \(instant) AND sent_at IS NULL
                RETURNING tenant_id)
            SELECT (SELECT count(*) FROM open) + (SELECT count(*) FROM waiting)
            """
        return try await session.run { connection in
            let results = try connection.execute(cancel.named("cancel requests of a tenant"))
            return try results[0].first { row throws in Int(try row.integer(.only)) } ?? 0
        }
    }
}
