import Contracts
import Store

extension PostgresStore: SuiteFiguresSource {
    /// Reads the indexes of open and of waiting requests, and the ledger's sums. So the time does not grow with the
    /// number of past requests.
    public func suiteFigures() async throws -> SuiteFigures {
        let open: SQL = """
            SELECT lane, count(*) AS requests, min(accepted_at) AS oldest FROM winnow.request
            WHERE state = 'open' GROUP BY lane
            """
        let waiting: SQL = """
            SELECT lane, count(*) AS requests FROM winnow.submission WHERE sent_at IS NULL GROUP BY lane
            """
        // The sum is clamped: a bigint of pico-USD ends at nine million US dollars.
        let costs: SQL = """
            SELECT kind, least(sum(cost_pico_usd), 9223372036854775807)::bigint AS cost_pico_usd FROM winnow.cost GROUP BY kind
            """
        return try await session.run { connection in
            let results = try connection.execute(
                open.named("count open requests"), waiting.named("count waiting requests"), costs.named("sum costs"))
            var requests = Dictionary(uniqueKeysWithValues: Lane.allCases.map { ($0, SuiteFigures.Requests()) })
            _ = try results[0].rows { row throws in
                let lane: Lane = try row.label("lane")
                requests[lane]?.open = Int(try row.integer("requests"))
                requests[lane]?.oldestAcceptedAt = try row.optionalTimestamp("oldest")
            }
            _ = try results[1].rows { row throws in
                let lane: Lane = try row.label("lane")
                requests[lane]?.waiting = Int(try row.integer("requests"))
            }
            let costs = try results[2].rows { row throws in
                (try row.label("kind") as Attempt.Kind, PicoDollars(try row.integer("cost_pico_usd")))
            }
            return SuiteFigures(requests: requests, costs: Dictionary(costs) { first, _ in first })
        }
    }
}

/// Leader election with an advisory lock that a separate session holds.
///
/// The lock is released when the session ends. The server ends the session if its holder died or its machine is
/// unreachable, and also if the process hangs: a session without a query for `idleTimeout` is closed. The holder
/// measures the same time from before its last query and stops earlier, so that at most one process acts as the leader.
public final class PostgresLeadership: Leadership {
    private let session: PostgresSession
    private let name: String
    private let lease: Duration

    /// - Parameter name: the name of the leadership. There is one lock per name and database.
    public convenience init(_ settings: PostgresSettings, name: String) {
        self.init(settings, name: name, idleTimeout: .seconds(5), lease: .seconds(4))
    }

    /// - Parameters:
    ///   - idleTimeout: how long the server waits for a query.
    ///   - lease: how long the holder acts as the leader after its last query. Must be shorter than `idleTimeout`.
    init(_ settings: PostgresSettings, name: String, idleTimeout: Duration, lease: Duration) {
        session = PostgresSession(settings.leading(idleTimeout: idleTimeout))
        self.name = name
        self.lease = lease
    }

    public func claim() async throws -> ContinuousClock.Instant? {
        let asked = ContinuousClock.now
        // A session that already has the lock acquires it once more. The end of the session releases all of them.
        let claim: SQL = "SELECT pg_try_advisory_lock(hashtext(\(name)))"
        let isHeld = try await session.run { connection in
            try connection.execute(claim.named("claim the lead"))[0].first { try $0.bool(.only) } ?? false
        }
        return isHeld ? asked + lease : nil
    }

    public func resign() async {
        let unlock: SQL = "SELECT pg_advisory_unlock_all()"
        // If the server is unavailable, the session has ended and the lock is released.
        try? await session.run { connection in _ = try connection.execute(unlock.named("resign")) }
    }
}
