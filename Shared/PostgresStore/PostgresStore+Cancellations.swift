import Contracts
import Store

extension PostgresStore {
    public func requestCancellation(of requests: [Request.ID], at time: Timestamp) async throws {
        guard !requests.isEmpty else { return }
        let insert: SQL = """
            INSERT INTO winnow.cancellation (request_id, requested_at)
            SELECT DISTINCT request_id, \(time) FROM unnest(\(PostgresArray(requests.map { RequestKey($0) })))
                AS u (request_id)
            ON CONFLICT DO NOTHING
            """
        try await session.run { connection in _ = try connection.execute(insert.named("request cancellations")) }
    }

    public func requestedCancellations(limit: Int) async throws -> [Request.ID] {
        let select: SQL = """
            SELECT request_id FROM winnow.cancellation ORDER BY requested_at, request_id LIMIT \(Int64(max(0, limit)))
            """
        return try await session.run { connection in
            try connection.execute(select.named("read cancellations")).flatMap { result in
                try result.rows { row throws in try row.requestKey(0).requestID() }
            }
        }
    }

    public func forgetCancellations(of requests: [Request.ID]) async throws {
        guard !requests.isEmpty else { return }
        let delete: SQL = """
            DELETE FROM winnow.cancellation WHERE request_id = ANY (\(PostgresArray(requests.map { RequestKey($0) })))
            """
        try await session.run { connection in _ = try connection.execute(delete.named("forget cancellations")) }
    }
}
