import Contracts
import Store
import Testing

@testable import PostgresStore

@Suite struct RetentionTests {
    private let acme = TenantID(rawValue: "acme")
    private let globex = TenantID(rawValue: "globex")

    /// Every new table needs a decision about its retention. Tables that are partitioned by day are excluded.
    @Test func `every table that grows has a job that deletes its old rows`() async throws {
        try await TestDatabase.with { database in
            let tables = try await database.column(
                """
                SELECT relname FROM pg_class
                WHERE relnamespace = 'winnow'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1
                """)
            let byRetention = [
                "agreement", "attempt", "cost_day", "cost_hour", "cost_series", "dead_letter_disposition",
                "paid_answer", "platform_day", "request", "shadow_comparison", "shadow_evidence", "shadow_tally",
                "shadow_tenant", "shadow_text",
                "step", "tenant", "tenant_agreement",
            ]
            let byServices = ["cancellation", "instance", "owed_emission", "submission"]
            let byDecisionsAlone = [
                "catalog_version", "budget", "certificate", "certificate_agreement", "certificate_revocation",
                "certificate_tenant_revocation", "platform_rate", "price", "tenant_topic", "test_tenant",
            ]
            let fixed = ["platform_meter", "role_grant", "schema_migration", "text_key"]
            let known = Set(byRetention + byServices + byDecisionsAlone + fixed)
            #expect(tables.filter { !known.contains($0) } == [])
        }
    }

    @Test func `rows past their retention are deleted, and younger ones stay`() async throws {
        try await TestDatabase.with { database in
            try await database.run(
                """
                INSERT INTO winnow.cost_series (kind, tenant_id, capability, task, model, version)
                VALUES ('full', 'acme', 'c', 't', 'm', '1')
                """)
            let numbers = "0, 0, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0"
            for days in [10, 50] {
                try await database.run(
                    """
                    INSERT INTO winnow.cost_hour SELECT date_trunc('hour', now()) - interval '\(days) days', 1, 0, \(numbers);
                    INSERT INTO winnow.cost_hour SELECT date_trunc('hour', now()) - interval '\(days) days', 1, 7, \(numbers);
                    INSERT INTO winnow.cost_day SELECT (now() - interval '\(days) days')::date, 1, \(numbers);
                    INSERT INTO winnow.platform_day VALUES ((now() - interval '\(days) days')::date, 'escalator', 1);
                    INSERT INTO winnow.agreement VALUES (now() - interval '\(days) days', 'c', 't', 1, 0, 1, 0, 1, 'acme');
                    INSERT INTO winnow.shadow_tally
                    VALUES (now() - interval '\(days) days', 1, 1, 0, false, 'c', 't', 'one', 's', 'f', 'acme');
                    INSERT INTO winnow.shadow_text VALUES (now() - interval '\(days) days', 'one', 'f', 'acme', '\\x0\(days)0');
                    INSERT INTO winnow.dead_letter_disposition
                    VALUES ('t', 0, \(days), now(), 'replayed', now() - interval '\(days) days');
                    INSERT INTO winnow.tenant (tenant_id, created_at) VALUES ('quiet\(days)', now() - interval '\(days) days');
                    """)
            }
            let retention = Retention(hourly: 40, daily: 40, dispositions: 40, tenants: 40)
            #expect(try await PostgresStore(database.settings).applyRetention(retention) == 8)
            // Hours that are not folded yet are in no daily sum, so they stay.
            #expect(
                try await database.column("SELECT shard FROM winnow.cost_hour ORDER BY hour, shard") == ["7", "0", "7"])
            for table in [
                "cost_day", "platform_day", "agreement", "shadow_tally", "shadow_text", "dead_letter_disposition",
            ] {
                #expect(try await database.column("SELECT count(*) FROM winnow.\(table)") == ["1"], "\(table)")
            }
            #expect(try await database.column("SELECT tenant_id FROM winnow.tenant") == ["quiet10"])
            #expect(try await PostgresStore(database.settings).applyRetention(retention) == 0)
        }
    }

    @Test func `a series without sums goes after a day, unless a call is counted in it before`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let call = { (model: String) in [Fixture.entry(Fixture.id(), kind: .full, model: model)] }
            for model in ["a", "b"] { _ = try await store.start(call(model)) }
            try await database.run("DELETE FROM winnow.cost_hour")
            #expect(try await store.applyRetention() == 0)
            try await database.run("UPDATE winnow.cost_series SET unused_since = unused_since - interval '2 days'")
            _ = try await store.start(call("a"))
            let used = "SELECT model FROM winnow.cost_series WHERE unused_since IS NULL ORDER BY 1"
            #expect(try await database.column(used) == ["a"])
            #expect(try await store.applyRetention() == 1)
            #expect(try await database.column("SELECT model FROM winnow.cost_series") == ["a"])
            _ = try await store.start(call("b"))
            #expect(try await database.column(used) == ["a", "b"])
            #expect(try await database.column("SELECT model FROM ops.daily_cost ORDER BY 1") == ["a", "b"])
        }
    }

    @Test func `evidence of a certificate that stands is kept, however old`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let (standing, revoked) = (Fixture.certificate("1"), Fixture.certificate("2", task: "unfair-term"))
            try await store.registerCertificates([standing, revoked])
            _ = try await store.revoke(revoked.id, for: nil, why: "drift", at: Fixture.noon)
            for certificate in [standing, revoked] {
                try await database.run(
                    """
                    INSERT INTO winnow.shadow_evidence VALUES (1, 1, 0, 1, 0, '\(certificate.id)', 'f', 'acme');
                    INSERT INTO winnow.shadow_tenant VALUES (1, '\(certificate.id)', 'acme');
                    INSERT INTO winnow.tenant_agreement VALUES (1, 0, 1, 0, 1, '\(certificate.id)', 'acme');
                    UPDATE winnow.certificate SET registered_at = now() - interval '500 days'
                    """)
            }
            #expect(try await store.applyRetention() == 3)
            for table in ["shadow_evidence", "shadow_tenant", "tenant_agreement"] {
                #expect(
                    try await database.column("SELECT certificate_id FROM winnow.\(table)") == ["\(standing.id)"])
            }
        }
    }

    @Test func `tenants that an operator has dealt with, or that have requests, are kept`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            _ = try await store.accept([Arrival(snapshot: Fixture.snapshot(tenant: TenantID(rawValue: "asks")))])
            _ = try await store.submit([
                Submission(tenant: TenantID(rawValue: "waits"), eventID: "a", body: [0x7B, 0x7D])
            ])
            try await store.setWeight(2, of: TenantID(rawValue: "weighs"))
            try await store.setBudget(
                Budget(tenant: TenantID(rawValue: "saves"), period: .day, limit: PicoDollars(1), policy: .fail))
            try await database.run(
                """
                INSERT INTO winnow.tenant (tenant_id) VALUES ('saves'), ('gone') ON CONFLICT DO NOTHING;
                UPDATE winnow.tenant SET created_at = now() - interval '500 days'
                """)
            #expect(try await store.applyRetention() == 1)
            #expect(
                try await database.column("SELECT tenant_id FROM winnow.tenant ORDER BY 1")
                    == ["asks", "saves", "waits", "weighs"])
        }
    }

    @Test func `erasing a tenant's payload keeps status, costs and ledger, and touches no other tenant`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let texts = [Item(text: "a secret of acme")]
            let snapshots = [
                Fixture.snapshot("done", tenant: acme, steps: [Fixture.step(items: texts)]),
                Fixture.snapshot("open", tenant: acme, steps: [Fixture.step(items: texts)]),
                Fixture.snapshot("other", tenant: globex, steps: [Fixture.step(items: texts)]),
            ]
            _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
            let finals = [snapshots[0].id, snapshots[2].id]
            let before = try await store.update(finals) { $0.map { Fixture.completion(of: $0) } }
            #expect(try await store.erasePayload(of: acme, before: Fixture.noon) == 0)
            #expect(try await store.erasePayload(of: acme, before: .now) == 1)
            #expect(try await store.erasePayload(of: acme, before: .now) == 0)

            let after = try await store.snapshots(of: snapshots.map(\.id)).sorted { $0.eventID < $1.eventID }
            let done = try #require(before.first { $0.eventID == "done" })
            #expect(after[0].state == .completed)
            #expect(after[0].totals == done.totals)
            #expect(after[0].steps == [])
            #expect(after[1] == snapshots[1])
            #expect(after[2] == before.first { $0.eventID == "other" })
            #expect(try await store.ledger(of: snapshots[0].id).count == 1)
            #expect(
                try await database.column(
                    """
                    SELECT count(*) FROM winnow.step AS s JOIN winnow.request AS r USING (request_id)
                    WHERE r.tenant_id = 'acme' AND r.state <> 'open'
                    """) == ["0"])
        }
    }

    @Test func `open and waiting requests of a tenant are cancelled before they can be erased`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let (own, other) = (Fixture.snapshot("a", tenant: acme), Fixture.snapshot("a", tenant: globex))
            _ = try await store.accept([own, other].map { Arrival(snapshot: $0) })
            _ = try await store.submit([Submission(tenant: acme, eventID: "b", body: [0x7B, 0x7D])])
            #expect(try await store.cancelRequests(of: acme, before: .now.adding(milliseconds: 1000), at: .now) == 2)
            #expect(try await store.requestedCancellations(limit: 10) == [own.id])
            #expect(
                try await database.column("SELECT count(*) FROM winnow.submission WHERE cancelled_at IS NOT NULL")
                    == ["1"])
        }
    }

    @Test func `more requests than a batch holds are all erased`() async throws {
        try await TestDatabase.with { database in
            try await database.run(
                """
                INSERT INTO winnow.request (
                    request_id, accepted_at, progressed_at, completed_at, state, tenant_id, event_id)
                SELECT winnow.uuid_v7_floor(now() - i * interval '1 second'), now() - interval '1 hour', now(), now(),
                    'completed', 'acme', 'event ' || i FROM generate_series(1, 2001) AS i
                """)
            #expect(try await PostgresStore(database.settings).erasePayload(of: acme, before: .now) == 2001)
        }
    }
}
