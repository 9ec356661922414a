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
                    id: try row.integer(0), request: try row.requestKey(1).requestID(), kind: try row.label(2))
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
