import Store
import Synchronization

@testable import PostgresStore

/// A separate migrated database for each test, so that tests can run in parallel.
struct TestDatabase: Sendable {
    let settings: PostgresSettings

    private static let count = Atomic<Int>(0)
    private static let template = Template()
    private static let turns = Places(8)

    /// - Parameter migrated: `false` gives an empty database.
    static func with<Result>(
        migrated: Bool = true, _ body: (TestDatabase) async throws -> Result
    ) async throws -> Result {
        // If all tests ran at once, connections would wait for longer than allowed.
        await turns.take()
        defer { turns.giveBack() }
        let name = "winnow_test_\(getProcessID())_\(count.add(1, ordering: .relaxed).newValue)"
        let server = try TestCluster.settings.get()
        let source = migrated ? try await template.name() : "template1"
        try await run("CREATE DATABASE \(name) TEMPLATE \(source)", on: server)
        let database = TestDatabase(settings: server.database(name))
        let result: Result
        do {
            result = try await body(database)
        } catch {
            try await database.drop(name, on: server)
            throw error
        }
        try await database.drop(name, on: server)
        return result
    }

    /// Runs one statement without binds on a separate connection.
    func run(_ script: String) async throws { try await Self.run(script, on: settings) }

    /// The first column of a query, as text.
    func column(_ query: String) async throws -> [String] {
        let sql = SQL(stringLiteral: "SELECT column_1::text FROM (\(query)) AS query (column_1)")
        return try await PostgresSession(settings).run { connection in
            try connection.execute(sql)[0].rows { try $0.text(.only) }
        }
    }

    /// Ends the matching sessions of this login. It may not end those of other logins.
    static func terminate(_ condition: String) -> String {
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE \(condition) AND usename = current_user AND pid <> pg_backend_pid()
        """
    }

    /// A private cluster is removed as a whole.
    private func drop(_ name: String, on server: PostgresSettings) async throws {
        guard !TestCluster.isPrivate else { return }
        // FORCE is refused while autovacuum is working. A plain drop ends autovacuum and waits for it.
        try await Self.run(Self.terminate("datname = '\(name)'"), on: server)
        try await Self.run("DROP DATABASE \(name)", on: server)
    }

    private static func run(_ script: String, on settings: PostgresSettings) async throws {
        try await PostgresSession(settings).run { try $0.run(script: script, name: "test") }
    }

    /// Limits the number of tests that run in parallel. The others wait in order.
    private final class Places: Sendable {
        private let state: Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

        init(_ count: Int) { state = Mutex((count, [])) }

        func take() async {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    guard state.free == 0 else {
                        state.free -= 1
                        return continuation.resume()
                    }
                    state.waiting.append(continuation)
                }
            }
        }

        func giveBack() {
            state.withLock { state in
                guard state.waiting.isEmpty else { return state.waiting.removeFirst().resume() }
                state.free += 1
            }
        }
    }

    /// The database from which the others are copied. It is migrated once.
    private actor Template {
        private var made: Task<String, any Error>?

        func name() async throws -> String {
            let task = made ?? Task { try await Self.make() }
            made = task
            return try await task.value
        }

        private static func make() async throws -> String {
            let name = "winnow_test_\(getProcessID())_template"
            let server = try TestCluster.settings.get()
            try await TestDatabase.run("CREATE DATABASE \(name)", on: server)
            try await Migrator(server.database(name)).migrate()
            _ = try await PostgresStore(server.database(name)).maintainPartitions(daysAhead: 2)
            return name
        }
    }
}
