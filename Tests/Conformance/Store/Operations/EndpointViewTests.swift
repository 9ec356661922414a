import Contracts
import PostgresStore
import Store
import Testing

/// What the ledger shows about endpoints.
@Suite struct EndpointViewTests {
    /// One try, as a row of the ledger.
    private static func row(
        _ model: String, _ state: String, _ error: String? = nil, minutesAgo: Int = 1, number: Int,
        estimated: Bool = false
    ) -> String {
        """
        ('\(Fixture.id())', now() - interval '\(minutesAgo) minutes', 2000, 100, 10, 0, 5, 0, 0, 0, 0, 'full', '\(state)', 1, 0,
        \(number), 'default', 'a', 'b', '\(model)', '1', \(error.map { "'\($0)'" } ?? "NULL"), 40, \(estimated))
        """
    }

    private static func insert(_ rows: [String], into database: TestDatabase) async throws {
        try await database.run(
            """
            INSERT INTO winnow.attempt (request_id, started_at, duration_us, input_tokens, output_tokens, flops, cost_pico_usd,
                full_model_input_tokens, full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, kind, state,
                items, step_ordinal, number, tenant_id, capability, task, model, version, error, cached_input_tokens,
                is_estimated)
            VALUES \(rows.joined(separator: ", "))
            """)
    }

    @Test func `tries of the last minutes are counted by endpoint and error code, and other models are not`()
        async throws
    {
        try await TestDatabase.with { database in
            try await Self.insert(
                [
                    Self.row("endpoint:big", "settled", minutesAgo: 3, number: 1),
                    Self.row("endpoint:big", "failed", "timed_out", minutesAgo: 2, number: 2),
                    Self.row("endpoint:big", "failed", "timed_out", minutesAgo: 2, number: 3),
                    Self.row("endpoint:big", "unknown", "connection_lost", minutesAgo: 2, number: 4),
                    Self.row("endpoint:big", "unknown", minutesAgo: 2, number: 5),
                    Self.row("endpoint:big", "started", number: 6),
                    Self.row("endpoint:big", "failed", "server_error", minutesAgo: 16, number: 7),
                    Self.row("endpoint:other", "settled", number: 8),
                    Self.row("full", "failed", "timed_out", number: 9),
                ], into: database)
            let activity = try await OperationsReader(database.settings).endpointActivity()
            #expect(activity.map(\.endpoint) == ["big", "other"])
            let big = try #require(activity.first)
            #expect(big.tries == 6 && big.failedTries == 4 && big.openTries == 1)
            #expect(big.failures == "timed_out 2, connection_lost 1, unknown 1")
            let (answered, failed) = try (#require(big.answeredAt), #require(big.failedAt))
            #expect(failed.milliseconds - answered.milliseconds == 60_000)
            #expect(activity.last?.failedTries == 0 && activity.last?.failures == "" && activity.last?.failedAt == nil)
        }
    }

    @Test func `the view of hours sums tokens and cost, and says which share is estimated`() async throws {
        try await TestDatabase.with { database in
            try await Self.insert(
                [
                    Self.row("endpoint:big", "settled", number: 1), Self.row("endpoint:big", "settled", number: 2),
                    Self.row("endpoint:big", "settled", number: 3, estimated: true),
                    Self.row("endpoint:big", "failed", "refused", number: 4),
                    Self.row("endpoint:big", "settled", minutesAgo: 25 * 60, number: 5),
                    Self.row("full", "settled", number: 6),
                ], into: database)
            // The rows may lie on both sides of a full hour, so the sums over hours are compared.
            let sums = """
                SELECT concat_ws(' ', sum(tries), sum(failed_tries), sum((failures ->> 'refused')::bigint), sum(input_tokens),
                    sum(cached_input_tokens), sum(output_tokens), sum(cost_pico_usd), sum(cost_usd), max(average_duration_ms))
                FROM ops.endpoint WHERE endpoint = 'big'
                """
            #expect(
                try await database.column(sums) == ["4 1 1 400 160 40 20 0.000000000020 2.000"])
            #expect(try await database.column("SELECT DISTINCT endpoint FROM ops.endpoint") == ["big"])
            let share = "SELECT estimated_share FROM ops.endpoint WHERE tries = 4"
            #expect([["0.3333"], []].contains(try await database.column(share)))
        }
    }
}
