import Store
import Testing

@testable import PostgresStore

@Suite struct MigratorTests {
    private static func migration(_ version: Int, _ script: String) -> Migration {
        Migration(version: version, name: "step_\(version)", script: Array(script.utf8))
    }

    @Test func `an empty database is brought to the binary's version once`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let migrator = Migrator(database.settings)
            #expect(try await migrator.status().allSatisfy { $0.appliedAt == nil })
            #expect(try await migrator.migrate() == Migration.all)
            #expect(try await migrator.migrate() == [])
            let status = try await migrator.status()
            #expect(status.map(\.version) == Migration.all.map(\.version))
            #expect(status.allSatisfy { $0.appliedAt != nil })
        }
    }

    @Test func `versions ascend without gaps`() {
        #expect(Migration.all.map(\.version) == Array(1...Migration.all.count))
    }

    @Test func `a ledger from before the sums is in them`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            try await Migrator(database.settings, migrations: Array(Migration.all.prefix(11))).migrate()
            try await database.run(
                """
                INSERT INTO winnow.attempt
                SELECT gen_random_uuid(), '2026-11-25 10:30+00'::timestamptz + n * interval '1 hour', NULL, 5, 20, 1, 1000, 10 * n,
                    20, 1, 9000, 70, 'full', CASE WHEN n = 3 THEN 'unknown' ELSE 'settled' END::winnow.attempt_state, 2, 0,
                    2, 'acme', 'legal-services', 'clause-type', 'full', '1', NULL
                FROM generate_series(1, 3) AS n
                """)
            try await Migrator(database.settings).migrate()
            let sums = """
                SELECT concat_ws(' ', sum(calls), sum(lost_calls), sum(items), sum(input_tokens), sum(flops),
                    sum(cost_pico_usd), sum(full_model_cost_pico_usd), count(*)) FROM
                """
            #expect(try await database.column("\(sums) ops.capability_cost") == ["3 1 6 60 3000 60 210 3"])
            #expect(try await database.column("\(sums) ops.daily_cost") == ["3 1 6 60 3000 60 210 1"])
            // What was written before is taken out again by what it was.
            try await database.run("UPDATE winnow.attempt SET cost_pico_usd = 1, state = 'settled'")
            #expect(try await database.column("\(sums) ops.capability_cost") == ["3 0 6 60 3000 3 210 3"])
        }
    }

    @Test func `of migrators that run at once one applies`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 { group.addTask { try await Migrator(database.settings).migrate().count } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(applied.sorted() == [0, 0, 0, Migration.all.count])
        }
    }

    @Test func `an applied migration that was changed is refused`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let first = Self.migration(1, "CREATE TABLE winnow.a (b int)")
            try await Migrator(database.settings, migrations: [first]).migrate()
            let changed = [Self.migration(1, "CREATE TABLE winnow.a (c int)"), Self.migration(2, "SELECT 1")]
            let migrator = Migrator(database.settings, migrations: changed)
            let error = await #expect(throws: StoreError.self) { try await migrator.migrate() }
            #expect(error?.code == .migration)
            #expect(error?.message == "migration 1 step_1 was changed after it was applied")
            await #expect(throws: StoreError.self) { try await migrator.status() }
        }
    }

    @Test func `a database that is newer than the binary is refused`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let both = [Self.migration(1, "SELECT 1"), Self.migration(2, "SELECT 2")]
            try await Migrator(database.settings, migrations: both).migrate()
            let migrator = Migrator(database.settings, migrations: [both[0]])
            let error = await #expect(throws: StoreError.self) { try await migrator.migrate() }
            #expect(error?.code == .migration)
        }
    }

    @Test func `a migration that fails leaves nothing, and those before it applied`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let failing = [
                Self.migration(1, "CREATE TABLE winnow.a ()"),
                Self.migration(2, "CREATE TABLE winnow.b (); SELECT no_such_column"),
            ]
            let migrator = Migrator(database.settings, migrations: failing)
            let error = await #expect(throws: StoreError.self) { try await migrator.migrate() }
            #expect(error?.message.contains("42703") == true)
            let tables = try await database.column("SELECT relname FROM pg_class WHERE relname IN ('a', 'b')")
            #expect(tables == ["a"])
            #expect(try await migrator.status().map { $0.appliedAt != nil } == [true, false])
        }
    }
}
