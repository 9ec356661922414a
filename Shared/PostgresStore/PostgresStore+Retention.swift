import Contracts
import Store

extension PostgresStore {
    /// Deletes what is past retention in the tables that have no partitions, a bounded number of rows.
    /// - Returns: how many rows went; call again while it is not 0.
    @discardableResult
    public func applyRetention(_ retention: Retention = Retention()) async throws -> Int {
        let call: SQL = """
            SELECT winnow.apply_retention(
                \(Int32(clamping: retention.hourly)), \(Int32(clamping: retention.daily)),
                \(Int32(clamping: retention.dispositions)), \(Int32(clamping: retention.tenants)))
            """
        return try await session.run { connection in
            let results = try connection.execute(call.named("apply retention"))
            return try results[0].first { row throws in Int(try row.integer(0)) } ?? 0
        }
    }

    /// Erases items and answers of a tenant's final requests that were accepted before an instant. Their states, their
    /// costs and the ledger stay.
    /// - Returns: how many requests it erased; those that were erased before are not counted again.
    public func erasePayload(of tenant: TenantID, before instant: Timestamp) async throws -> Int {
        let batch: Int32 = 1000
        var erased = 0
        var last: String? = ""
        // Each batch is a transaction of its own, and begins behind the event id at which the one before ended.
        while let after = last {
            let call: SQL = """
                SELECT seen, erased, last_event
                FROM winnow.erase_payload(\(tenant.rawValue), \(instant), \(after), \(batch))
                """
            let done = try await session.run { connection in
                try connection.execute(call.named("erase payload"))[0].first { row throws in
                    (seen: try row.integer(0), erased: Int(try row.integer(1)), last: row.optionalText(2))
                }
            }
            erased += done?.erased ?? 0
            last = (done?.seen ?? 0) < Int64(batch) ? nil : done?.last
        }
        return erased
    }

    /// Asks for the cancellation of a tenant's requests that came before an instant and are open, or wait for their turn.
    /// - Returns: how many those are; the aggregator cancels them within a second or so.
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
            return try results[0].first { row throws in Int(try row.integer(0)) } ?? 0
        }
    }
}
