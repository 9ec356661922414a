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

    @Test func `of several migrators that run at once one applies the migrations`() async throws {
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

    @Test func `a database with newer migrations is accepted, and status names them`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let all = (1...3).map { Self.migration($0, "SELECT \($0)") }
            try await Migrator(database.settings, migrations: all).migrate()
            let older = Migrator(database.settings, migrations: [all[0]])
            #expect(try await older.migrate() == [])
            let status = try await older.status()
            #expect(status.map(\.name) == ["step_1", "step_2", "step_3"])
            #expect(status.map(\.isNewer) == [false, true, true])
            #expect(status.allSatisfy { $0.appliedAt != nil })
        }
    }

    @Test func `a newer database in which a migration of this binary was changed is refused`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let both = [Self.migration(1, "SELECT 1"), Self.migration(2, "SELECT 2")]
            try await Migrator(database.settings, migrations: both).migrate()
            let older = Migrator(database.settings, migrations: [Self.migration(1, "SELECT 3")])
            let error = await #expect(throws: StoreError.self) { try await older.migrate() }
            #expect(error?.message == "migration 1 step_1 was changed after it was applied")
        }
    }

    @Test func `a database that lacks a migration below a newer one is refused`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let applied = [Self.migration(1, "SELECT 1"), Self.migration(3, "SELECT 3")]
            try await Migrator(database.settings, migrations: applied).migrate()
            let missing = Self.migration(2, "CREATE TABLE winnow.a ()")
            let older = Migrator(database.settings, migrations: [applied[0], missing])
            let error = await #expect(throws: StoreError.self) { try await older.migrate() }
            #expect(error?.code == .migration)
            #expect(error?.message == "migration 2 step_2 is missing before 3")
            #expect(try await database.column("SELECT relname FROM pg_class WHERE relname = 'a'") == [])
        }
    }

    @Test func `a migration that fails leaves no trace, and the earlier ones stay applied`() async throws {
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
