import Contracts
import PostgresStore
import Store
import Testing

@Suite struct OperationsTests {
    @Test func `operators see what was spent and saved, and what happened`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot("order-7")
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            _ = try await store.start([Fixture.entry(snapshot.id, number: 2, kind: .full, cost: 100)])
            _ = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }

            let reader = OperationsReader(database.settings)
            let savings = try await reader.savings()
            #expect(
                savings.rows.prefix(3) == [
                    ["models", "110", "0.000000000110", nil, nil, nil],
                    [
                        "full model alone, item by item", "770", "0.000000000770", "660", "0.000000000660", "0.8571",
                    ],
                    [
                        "full model alone, each request once", "330", "0.000000000330", "220", "0.000000000220",
                        "0.6667",
                    ],
                ])
            #expect(savings.rows.last?.first??.hasPrefix("platform, ") == true)
            for grouping in CostGrouping.allCases {
                let costs = try await reader.costs(by: grouping)
                #expect(costs.columns.first?.name == grouping.rawValue)
                #expect(costs.rows.count == 1)
                #expect(costs.rows.first?.dropFirst().prefix(2) == ["2", "2"])
            }
            #expect(try await reader.costs(by: .task).rows.first?.first == "legal-services/clause-type")

            let timeline = try await reader.timeline(of: "order-7")
            #expect(timeline == (try await reader.timeline(of: snapshot.id.description)))
            #expect(
                timeline.rows.map { $0[3] } == [
                    "request accepted", "call settled", "call started", "step dispatched", "step answered",
                    "request completed",
                ])
            #expect(timeline.rows[1][5]?.contains("worker legal-services-clause-type@1, 1 items") == true)
            #expect(timeline.rows[1][5]?.hasSuffix("cost 0.010 nano-USD") == true)
            #expect(try await reader.timeline(of: "unknown").rows == [])
        }
    }

    @Test func `calls of middle models are part of what was spent, and have a name in the export`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            let kinds: [Attempt.Kind] = [.worker, .middle, .full]
            _ = try await store.accept([
                Arrival(
                    snapshot: snapshot,
                    entries: zip(1..., kinds).map {
                        Fixture.entry(snapshot.id, number: $0, kind: $1, cost: Int64($0) * 10)
                    })
            ])
            #expect(try await store.ledger(of: snapshot.id).map(\.attempt.kind) == kinds)
            #expect(
                try await database.column(
                    """
                    SELECT concat_ws(' ', spent_pico_usd, worker_pico_usd, middle_pico_usd, escalation_pico_usd)
                    FROM ops.savings
                    """) == ["60 10 20 30"])
            #expect(
                try await database.column(
                    "SELECT \"ChargeDescription\" FROM ops.focus_cost WHERE \"x_Kind\" = 'middle'")
                    == ["legal-services/clause-type, middle model"])
        }
    }

    @Test func `tests are charged and save nothing, whoever they belong to`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let (own, tests) = (TenantID(rawValue: "acme"), TenantID(rawValue: "winnow-evaluate"))
            for tenant in [own, tests] {
                let snapshot = Fixture.snapshot("of \(tenant)", tenant: tenant)
                var entry = Fixture.entry(snapshot.id, kind: .full, cost: 100)
                entry.tenant = tenant
                _ = try await store.accept([Arrival(snapshot: snapshot, entries: [entry])])
            }
            let reader = OperationsReader(database.settings)
            #expect(try await database.column("SELECT tenant FROM ops.savings") == ["acme"])
            #expect(try await reader.savings().rows.first?[1] == "100")
            let costs = try await reader.costs(by: .tenant).rows.sorted { ($0[0] ?? "") < ($1[0] ?? "") }
            #expect(costs.map { $0[6] } == ["100", "100"])
            #expect(costs.map { $0[8] } == ["700", nil] && costs.map { $0[10] } == ["600", nil])
            #expect(
                try await database.column("SELECT sum(\"BilledCost\") FROM ops.focus_cost") == ["0.000000000200"])
            try await store.setTest(true, of: own)
            try await store.setTest(false, of: tests)
            #expect(try await database.column("SELECT tenant FROM ops.savings") == ["winnow-evaluate"])
            #expect(
                try await database.column("SELECT is_test FROM ops.tenant ORDER BY tenant") == ["true", "false"])
        }
    }

    @Test func `the database writes money for people as the command line does`() async throws {
        try await TestDatabase.with { database in
            for amount: Int64 in [0, 1, -2_774, 999_999_999, 1_000_000_000, 1_234_567_890_123, -999_999_500_000] {
                let shown = try await database.column("SELECT ops.money(\(amount))")
                #expect(shown == [PicoDollars(amount).short])
            }
        }
    }

    @Test func `each column of each view says what it is and in which unit`() async throws {
        try await TestDatabase.with { database in
            let undescribed = try await database.column(
                """
                SELECT c.relname || '.' || a.attname || ': ' || coalesce(d.description, 'no comment')
                FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                LEFT JOIN pg_description AS d
                    ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
                WHERE c.relnamespace = 'ops'::regnamespace AND (
                    d.description IS NULL OR length(d.description) < 12
                    OR a.atttypid = ANY ('{int2,int4,int8,numeric,float4,float8}'::regtype[])
                        AND d.description !~ ' Unit: [^.]+\\.$'
                    OR a.atttypid = ANY ('{timestamptz,timestamp,date}'::regtype[]) AND d.description !~ 'UTC')
                """)
            #expect(
                undescribed == [], "a number's comment ends with its unit, as in 'Unit: pico-USD.', a time's names UTC")
            let money = try await database.column(
                """
                SELECT c.relname || '.' || a.attname
                FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
                JOIN pg_description AS d ON d.objoid = c.oid AND d.objsubid = a.attnum
                WHERE c.relnamespace = 'ops'::regnamespace AND (
                    a.attname ~ '_pico_usd$' AND d.description !~ 'Unit: pico-USD'
                    OR a.attname ~ '_usd$' AND a.attname !~ '_pico_usd$' AND d.description !~ 'Unit: USD'
                    OR a.attname ~ '_ms$' AND d.description !~ 'Unit: milliseconds'
                    OR a.attname ~ '_seconds$' AND d.description !~ 'Unit: seconds')
                """)
            #expect(money == [])
        }
    }

    @Test func `numbers are ordered as numbers, and not as the text that a report shows`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            for (tenant, count) in [("nine", 9), ("ten", 10)] {
                _ = try await store.submit(
                    (0..<count).map {
                        Submission(tenant: TenantID(rawValue: tenant), eventID: EventID("\($0)"), body: [0x7B, 0x7D])
                    })
            }
            try await store.registerCertificates(
                (0..<10).map { (n: Int64) in Fixture.certificate("\(n)", at: Fixture.noon.adding(milliseconds: n)) })
            let reader = OperationsReader(database.settings)
            #expect(try await reader.tenants().rows.map(\.first) == ["ten", "nine"])
            let versions = try await reader.certificates(all: true).rows.map { $0[2] }
            #expect(versions == (1...10).reversed().map { "\($0)" })
        }
    }
}
