import Contracts
import Store

extension OperationsReader {
    /// The processes of the suite, service by service, the oldest first.
    /// - Parameter stopped: whether also those that have ended by themselves.
    public func instances(stopped: Bool) async throws -> OperationsReport {
        let select: SQL = """
            SELECT instance_id, service, host, pid::text, version, state, partitions::text,
                to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), beat_age_seconds::text
            FROM ops.instance WHERE \(stopped) OR state <> 'stopped'
            ORDER BY service, started_at, instance_id
            """
        return try await report(
            select.named("read instances"),
            [
                .init("id"), .init("service"), .init("host"), .number("pid"), .init("version"), .init("state"),
                .number("partitions"), .init("started_at"), .number("beat_age_seconds"),
            ])
    }

    /// - Returns: `nil` when there is no such instance.
    public func find(_ instance: Instance.ID) async throws -> FoundInstance? {
        let select: SQL = """
            SELECT service, state, partitions FROM ops.instance WHERE instance_id = \(instance.description)
            """
        return try await session.run { connection in
            try connection.execute(select.named("find instance")).flatMap { result in
                try result.rows { row throws in
                    FoundInstance(service: row.text(0), state: row.text(1), partitions: Int(try row.integer(2)))
                }
            }.first
        }
    }
}
