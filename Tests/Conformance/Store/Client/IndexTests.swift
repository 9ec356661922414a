import Store
import Testing

@testable import PostgresStore

@Suite struct IndexTests {
    private func plan(_ query: String, in database: TestDatabase) async throws -> String {
        try await PostgresSession(database.settings).run { connection in
            let explain = SQL(stringLiteral: "EXPLAIN (COSTS OFF) \(query)")
            return try connection.execute(explain)[0].rows { try $0.text(.only) }.joined(separator: "\n")
        }
    }

    @Test func `a request is found by the integrator's id alone through an index`() async throws {
        try await TestDatabase.with { database in
            try await database.run(
                """
                INSERT INTO winnow.request (request_id, accepted_at, progressed_at, state, tenant_id, event_id)
                SELECT winnow.uuid_v7_floor(now() - i * interval '1 second'), now(), now(), 'open', 'tenant ' || i % 50,
                    'event ' || i FROM generate_series(1, 5000) AS i;
                ANALYZE winnow.request
                """)
            let plan = try await plan("SELECT request_id FROM ops.request WHERE event_id = 'event 77'", in: database)
            #expect(plan.contains("request_by_event_id"), "\(plan)")
        }
    }

    @Test func `what is not folded yet of a tenant is found through an index of its own`() async throws {
        try await TestDatabase.with { database in
            try await database.run(
                """
                INSERT INTO winnow.cost_series (kind, tenant_id, capability, task, model, version)
                SELECT 'full', CASE i WHEN 7 THEN 'acme' ELSE 'tenant ' || i END, 'c', 't', 'm', '1'
                FROM generate_series(1, 500) AS i;
                INSERT INTO winnow.cost_hour
                SELECT date_trunc('hour', now()) - i * interval '1 hour', s.series_id, CASE WHEN i < 4 THEN 7 ELSE 0 END,
                    0, 0, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0
                FROM generate_series(1, 50) AS i CROSS JOIN winnow.cost_series AS s;
                ANALYZE winnow.cost_series, winnow.cost_hour
                """)
            let plan = try await plan(
                "SELECT sum(cost_pico_usd) FROM winnow.cost WHERE tenant_id = 'acme' AND kind = 'full'", in: database)
            #expect(plan.contains("cost_hour_open_by_series"), "\(plan)")
        }
    }
}
