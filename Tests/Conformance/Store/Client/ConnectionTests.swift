import Contracts
import Settings
import Store
import Synchronization
import Testing

@testable import PostgresStore

@Suite struct ConnectionTests {
    @Test func `a session that the server ended is opened again`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            try await database.run(TestDatabase.terminate("datname = current_database()"))
            #expect(try await store.snapshots(of: [snapshot.id]) == [snapshot])
        }
    }

    @Test func `a server that is unavailable is a retriable error`() async throws {
        var reader = SettingsReader(environment: ["PGHOST": "127.0.0.1", "PGPORT": "1", "PGPASSWORD": "hidden"])
        let store = PostgresStore(try PostgresSettings(from: &reader))
        let error = await #expect(throws: StoreError.self) { try await store.prices() }
        #expect(error?.code == .unavailable)
        #expect(error?.isRetriable == true)
    }

    @Test func `a database that is not migrated yet is no reason to give a request up`() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let store = PostgresStore(database.settings)
            let error = await #expect(throws: StoreError.self) {
                try await store.accept([Arrival(snapshot: Fixture.snapshot())])
            }
            #expect(error?.code == .configuration)
            #expect(error?.isRetriable == true)
        }
    }

    /// Several such waits in sequence would hold up a partition for longer than allowed.
    @Test func `a lock timeout is a conflict, and the session does not wait for the lock again`()
        async throws
    {
        try await TestDatabase.with { database in
            let holder = PostgresSession(database.settings)
            try await holder.run { connection in
                _ = try connection.execute("BEGIN", "LOCK TABLE winnow.price IN ACCESS EXCLUSIVE MODE")
            }
            let calls = Atomic(0)
            let session = PostgresSession(database.settings.options([(name: "lock_timeout", value: "20ms")]))
            let error = await #expect(throws: StoreError.self) {
                try await session.run { connection in
                    calls.add(1, ordering: .relaxed)
                    try connection.execute("SELECT model FROM winnow.price")
                }
            }
            #expect(error?.code == .conflict)
            #expect(error?.isRetriable == true)
            #expect(calls.load(ordering: .relaxed) == 1)
            try await holder.run { connection in _ = try connection.execute("ROLLBACK") }
        }
    }

    @Test func `a session outlives a change of the schema`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            #expect(try await store.requestedCancellations(limit: 1) == [])
            try await database.run("ALTER TABLE winnow.cancellation ALTER COLUMN request_id TYPE text")
            try await database.run(
                "ALTER TABLE winnow.cancellation ALTER COLUMN request_id TYPE uuid USING request_id::uuid")
            #expect(try await store.requestedCancellations(limit: 1) == [])
        }
    }

    @Test func `a fault names the statement and never a value`() async throws {
        try await TestDatabase.with { database in
            let session = PostgresSession(database.settings)
            let error = await #expect(throws: StoreError.self) {
                try await session.run { connection in
                    let sql: SQL = "SELECT \("secret text")::uuid"
                    try connection.execute(sql.named("cast"), "SELECT 1")
                }
            }
            #expect(error?.description == "query: SQLSTATE 22P02 in 'cast'")
            #expect(error?.isRetriable == false)
            // The session remains usable.
            let seven = try await session.run { connection in
                try connection.execute("SELECT 7::bigint")[0].rows { row throws in try row.integer(.only) }
            }
            #expect(seven == [7])
        }
    }

    @Test func `secrets are never printed`() throws {
        let environment = [
            "DATABASE_URL": "postgresql://user:hidden@db/winnow", "PGPASSWORD": "hidden", "PGHOST": "db.example",
        ]
        var reader = SettingsReader(environment: environment)
        let settings = try PostgresSettings(from: &reader)
        var dumped = ""
        dump(settings, to: &dumped)
        for text in ["\(settings)", String(reflecting: settings), dumped, "\(reader.entries)"] {
            #expect(!text.contains("hidden"))
        }
        #expect("\(settings)" == "postgres(DATABASE_URL host=db.example)")
    }

    @Test func `an interpolated value becomes a bind`() {
        let sql: SQL = "SELECT \("Robert'); DROP TABLE"), \(nil as Int64?), \(PostgresArray<Int16>([1, 2]))"
        #expect(sql.text == "SELECT $1, $2, $3")
        #expect(sql.binds.map(\.typeID) == [25, 20, 1005])
        #expect(sql.binds.map { $0.range?.count } == [20, nil, 32])
    }
}
