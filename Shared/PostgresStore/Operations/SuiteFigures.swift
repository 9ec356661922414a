import Contracts
import Store

extension PostgresStore: SuiteFiguresSource {
    /// Two small indexes and the ledger's sums: it takes no longer with each request that was ever made.
    public func suiteFigures() async throws -> SuiteFigures {
        let open: SQL = "SELECT lane, count(*), min(accepted_at) FROM winnow.request WHERE state = 'open' GROUP BY lane"
        let waiting: SQL = "SELECT lane, count(*) FROM winnow.submission WHERE sent_at IS NULL GROUP BY lane"
        // In US dollars a sum of years fits; a bigint of pico-USD ends at nine million of them.
        let costs: SQL = """
            SELECT kind, least(sum(cost_pico_usd), 9223372036854775807)::bigint FROM winnow.cost GROUP BY kind
            """
        return try await session.run { connection in
            let results = try connection.execute(
                open.named("count open requests"), waiting.named("count waiting requests"), costs.named("sum costs"))
            var requests = Dictionary(uniqueKeysWithValues: Lane.allCases.map { ($0, SuiteFigures.Requests()) })
            _ = try results[0].rows { row throws in
                let lane: Lane = try row.label(0)
                requests[lane]?.open = Int(try row.integer(1))
                requests[lane]?.oldestAcceptedAt = row.optionalTimestamp(2)
            }
            _ = try results[1].rows { row throws in
                let lane: Lane = try row.label(0)
                requests[lane]?.waiting = Int(try row.integer(1))
            }
            let costs = try results[2].rows { row throws in
                (try row.label(0) as Attempt.Kind, PicoDollars(try row.integer(1)))
            }
            return SuiteFigures(requests: requests, costs: Dictionary(costs) { first, _ in first })
        }
    }
}

/// Leads by an advisory lock, which a session of its own holds.
///
/// The lock is free as soon as the session ends. The server ends it where the holder died or its machine cannot be reached,
/// and also where the process stands still: a session that has asked nothing for `idleTimeout` is closed. The holder counts
/// the same time from before its last question and stops earlier, so that at most one process believes that it leads.
public final class PostgresLeadership: Leadership {
    private let session: PostgresSession
    private let name: String
    private let lease: Duration

    /// - Parameter name: what is led; one lock a name and database.
    public convenience init(_ settings: PostgresSettings, name: String) {
        self.init(settings, name: name, idleTimeout: .seconds(5), lease: .seconds(4))
    }

    /// - Parameters:
    ///   - idleTimeout: how long the server waits for a sign of life.
    ///   - lease: how long the holder believes in its lead after it last asked; shorter.
    init(_ settings: PostgresSettings, name: String, idleTimeout: Duration, lease: Duration) {
        session = PostgresSession(settings.leading(idleTimeout: idleTimeout))
        self.name = name
        self.lease = lease
    }

    public func claim() async throws -> ContinuousClock.Instant? {
        let asked = ContinuousClock.now
        // A session that has the lock gets it once more, which costs nothing: the session's end frees all of it.
        let claim: SQL = "SELECT pg_try_advisory_lock(hashtext(\(name)))"
        let isHeld = try await session.run { connection in
            try connection.execute(claim.named("claim the lead"))[0].first { $0.bool(0) } ?? false
        }
        return isHeld ? asked + lease : nil
    }

    public func resign() async {
        let unlock: SQL = "SELECT pg_advisory_unlock_all()"
        // Where the server is away, the session has ended and the lock with it.
        try? await session.run { connection in _ = try connection.execute(unlock.named("resign")) }
    }
}
