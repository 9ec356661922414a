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
