import Contracts
import Store

extension PostgresStore: EmissionOutbox {
    public func owedEmissions(limit: Int) async throws -> [OwedEmission] {
        let select: SQL = """
            SELECT emission_id, request_id, kind FROM winnow.owed_emission
            ORDER BY emission_id LIMIT \(Int64(max(0, limit)))
            """
        return try await session.run { connection in
            try connection.execute(select.named("read owed emissions"))[0].rows { row throws in
                OwedEmission(
                    id: try row.integer("emission_id"), request: try row.requestKey().requestID(),
                    kind: try row.label("kind"))
            }
        }
    }

    public func forgetEmissions(_ emissions: [OwedEmission]) async throws {
        guard !emissions.isEmpty else { return }
        let delete: SQL = """
            DELETE FROM winnow.owed_emission WHERE emission_id = ANY (\(PostgresArray(emissions.map(\.id))))
            """
        try await session.run { connection in _ = try connection.execute(delete.named("forget emissions")) }
    }

    static func owe(_ emissions: [(request: Request.ID, kind: OwedEmission.Kind)]) -> SQL {
        let requests = PostgresArray(emissions.map { RequestKey($0.request) })
        let insert: SQL = """
            INSERT INTO winnow.owed_emission (request_id, kind)
            SELECT request_id, kind FROM unnest(\(requests), \(PostgresArray(emissions.map(\.kind.rawValue))))
                AS u (request_id, kind)
            """
        return insert.named("owe emissions")
    }
}

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
                try result.rows { row throws in try row.requestKey().requestID() }
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
