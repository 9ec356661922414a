import Contracts
import PostgresStore
import Store
import Testing

/// The sums of the ledger, which the transactions that write it maintain.
@Suite struct RollupTests {
    private static let keys = "capability, task, tenant_id, model, version, kind"
    private static let sums = """
        sum(items), sum(input_tokens), sum(output_tokens), sum(flops), sum(cost_pico_usd), sum(full_model_input_tokens),
        sum(full_model_output_tokens), sum(full_model_flops), sum(full_model_cost_pico_usd), sum(duration_us),
        sum(guessed_items), sum(agreed_items), sum(full_model_once_cost_pico_usd)
        """

    /// The ledger itself, and its sums by hour and by day.
    private func expectEqual(_ database: TestDatabase, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        func rows(_ time: String, _ count: String, _ table: String) -> String {
            """
            SELECT string_agg(x, '; ' ORDER BY x) FROM (
                SELECT row(\(time), \(Self.keys), \(count), \(Self.sums))::text FROM \(table)
                GROUP BY \(time), \(Self.keys) HAVING sum(items) <> 0) AS y (x)
            """
        }
        let counted = "count(*), count(*) FILTER (WHERE state IN ('failed', 'unknown'))"
        for (ledger, time, table) in [
            (
                "date_trunc('hour', started_at, 'UTC')", "hour",
                "winnow.cost_hour JOIN winnow.cost_series USING (series_id)"
            ),
            ("(started_at AT TIME ZONE 'UTC')::date", "day", "winnow.cost"),
        ] {
            let kept = try await database.column(rows(time, "sum(calls)::bigint, sum(lost_calls)::bigint", table))
            let ledgers = try await database.column(rows(ledger, counted, "winnow.attempt"))
            #expect(kept == ledgers, sourceLocation: sourceLocation)
            #expect(kept.first?.isEmpty == false, sourceLocation: sourceLocation)
        }
    }

    @Test func `whatever is written to the ledger is in its sums, once`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let (first, second) = (Fixture.snapshot("a"), Fixture.snapshot("b", tenant: TenantID(rawValue: "acme")))
            let arrivals = [first, second].map {
                Arrival(snapshot: $0, entries: [Fixture.entry($0.id, kind: .router, cost: 3)])
            }
            for _ in 0..<2 { _ = try await store.accept(arrivals) }
            try await expectEqual(database)
            // A step that was decided twice is charged only once.
            for _ in 0..<2 { _ = try await store.update([first.id]) { $0.map { Fixture.completion(of: $0) } } }
            try await expectEqual(database)
            let call = Fixture.entry(second.id, number: 2, kind: .full, cost: 500)
            let started = try await store.start([call])
            try await expectEqual(database)
            // The process dies: the first call is unknown and keeps its price. The second one is settled twice.
            var again = try await store.start([call])
            try await expectEqual(database)
            #expect(started != again)
            again[0].attempt.state = .settled
            again[0].attempt.startedAt = Fixture.noon.adding(milliseconds: 7_200_000)
            again[0].cost = PicoDollars(120)
            again[0].guesses = .init(known: 1, agreed: 1)
            for _ in 0..<2 { try await store.settle(again) }
            try await expectEqual(database)
            var lost = try await store.start([Fixture.entry(second.id, number: 2, kind: .shadow, state: .started)])
            lost[0].attempt.state = .failed
            try await store.settle(lost)
            _ = try await store.start([Fixture.entry(first.id, number: 2, kind: .full)])
            _ = try await store.abandonCalls(olderThan: .zero, limit: 10)
            try await expectEqual(database)
            #expect(try await database.column("SELECT sum(lost_calls) FROM ops.capability_cost") == ["3"])
        }
    }

    @Test func `writers that count the same new calls at once share their series`() async throws {
        try await TestDatabase.with { database in
            let models = ["a", "b", "c"]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<6 {
                    let calls = (writer.isMultiple(of: 2) ? models : models.reversed()).map {
                        Fixture.entry(Fixture.id(), kind: .full, model: $0)
                    }
                    group.addTask { _ = try await PostgresStore(database.settings).start(calls) }
                }
                try await group.waitForAll()
            }
            #expect(try await database.column("SELECT model FROM winnow.cost_series ORDER BY 1") == ["a", "b", "c"])
            try await expectEqual(database)
        }
    }

    @Test func `folding changes no sum, at whatever time a call is settled`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshots = (0..<3).map { Fixture.snapshot("\($0)") }
            _ = try await store.accept(
                snapshots.map { Arrival(snapshot: $0, entries: [Fixture.entry($0.id, kind: .router)]) })
            var calls = try await store.start(snapshots.map { Fixture.entry($0.id, number: 2, kind: .full, cost: 70) })
            let before = try await database.column("SELECT row(s.*) FROM ops.savings AS s")
            #expect(try await store.foldCosts() == 2)
            #expect(try await store.foldCosts() == 0)
            try await expectEqual(database)
            #expect(try await database.column("SELECT row(s.*) FROM ops.savings AS s") == before)
            #expect(try await database.column("SELECT count(*) FROM winnow.cost_hour WHERE shard <> 0") == ["0"])
            for index in calls.indices {
                calls[index].attempt.state = .settled
                calls[index].cost = PicoDollars(41)
            }
            try await store.settle(calls)
            try await expectEqual(database)
            #expect(try await store.foldCosts() == 1)
            try await expectEqual(database)
        }
    }

    @Test func `what is past retention stays in the sums`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            var snapshot = Fixture.snapshot(state: .completed, steps: [])
            snapshot.id = Fixture.id(at: Timestamp.now.adding(milliseconds: -400 * 86_400_000))
            _ = try await store.accept([Arrival(snapshot: snapshot, entries: [Fixture.entry(snapshot.id)])])
            let before = try await database.column("SELECT row(c.*) FROM ops.capability_cost AS c")
            _ = try await store.maintainPartitions(daysAhead: 1)
            #expect(try await database.column("SELECT count(*) FROM winnow.attempt") == ["0"])
            #expect(try await database.column("SELECT row(c.*) FROM ops.capability_cost AS c") == before)
        }
    }

    @Test func `a check in the background costs the operator and no request`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let check = try await store.start([Fixture.entry(snapshot.id, number: 2, kind: .shadow, cost: 900)])
            try await store.settle(check)
            let after = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0, cost: 10) } }
            #expect(after.map(\.totals.cost) == [PicoDollars(10)])
            #expect(
                try await database.column(
                    "SELECT concat_ws(' ', spent_pico_usd, worker_pico_usd, shadow_pico_usd) FROM ops.savings")
                    == ["910 10 900"])
        }
    }

    @Test func `charges have the columns of FOCUS, and add up to what was spent`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([
                Arrival(snapshot: snapshot, entries: [Fixture.entry(snapshot.id, kind: .router)])
            ])
            _ = try await store.start([Fixture.entry(snapshot.id, number: 2, kind: .full, cost: 500)])
            let columns = try await database.column(
                """
                SELECT column_name FROM information_schema.columns
                WHERE table_schema = 'ops' AND table_name = 'focus_cost' AND column_name NOT LIKE 'x\\_%'
                """)
            #expect(
                Set(columns) == [
                    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodStart",
                    "BillingPeriodEnd", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
                    "ChargePeriodStart", "ChargePeriodEnd", "ConsumedQuantity", "ConsumedUnit",
                    "ContractedCost", "EffectiveCost", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName",
                    "PublisherName", "InvoiceIssuerName", "ServiceCategory", "ServiceName", "ServiceSubcategory",
                    "SkuId", "SubAccountId", "SubAccountName", "Tags",
                ])
            #expect(
                try await database.column(
                    """
                    SELECT concat_ws(' ', sum("BilledCost"), sum("ConsumedQuantity"), min("BilledCost") > 0, count(*),
                        min("BillingPeriodStart" AT TIME ZONE 'UTC'), min("BillingPeriodEnd" AT TIME ZONE 'UTC'))
                    FROM ops.focus_cost
                    """) == ["0.000000000510 42 t 2 2026-09-01 00:00:00 2026-10-01 00:00:00"])
        }
    }
}
