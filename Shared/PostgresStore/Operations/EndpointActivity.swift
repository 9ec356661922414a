import Contracts

/// What the ledger shows about an endpoint in the last 15 minutes.
public struct EndpointActivity: Sendable, Equatable {
    /// Without `endpoint:`.
    public let endpoint: String
    /// Requests to the server, repeated ones included.
    public let tries: Int
    public let failedTries: Int
    /// Those of `tries` that are under way.
    public let openTries: Int
    /// The failed tries by error code, the most frequent first, such as `timed_out 3, server_error 1`.
    public let failures: String
    /// When the last answered try started.
    public let answeredAt: Timestamp?
    /// When the last failed try started.
    public let failedAt: Timestamp?

    public init(
        endpoint: String, tries: Int, failedTries: Int, openTries: Int, failures: String, answeredAt: Timestamp?,
        failedAt: Timestamp?
    ) {
        self.endpoint = endpoint
        self.tries = tries
        self.failedTries = failedTries
        self.openTries = openTries
        self.failures = failures
        self.answeredAt = answeredAt
        self.failedAt = failedAt
    }
}

extension OperationsReader {
    /// The endpoints that were asked in the last 15 minutes.
    public func endpointActivity() async throws -> [EndpointActivity] {
        let select: SQL = """
            SELECT endpoint, tries, failed_tries, open_tries, answered_at, failed_at, coalesce((
                SELECT string_agg(key || ' ' || value, ', ' ORDER BY value::bigint DESC, key)
                FROM jsonb_each_text(r.failures)), '') AS failures
            FROM ops.endpoint_recent AS r ORDER BY endpoint
            """
        return try await session.run { connection in
            try connection.execute(select.named("read endpoints")).flatMap { result in
                try result.rows { row throws in
                    EndpointActivity(
                        endpoint: try row.text("endpoint"), tries: Int(try row.integer("tries")),
                        failedTries: Int(try row.integer("failed_tries")),
                        openTries: Int(try row.integer("open_tries")), failures: try row.text("failures"),
                        answeredAt: try row.optionalTimestamp("answered_at"),
                        failedAt: try row.optionalTimestamp("failed_at"))
                }
            }
        }
    }
}
