import Settings
import Store
import Testing

@testable import PostgresStore

@Suite struct LeadershipTests {
    private func leads(_ leadership: PostgresLeadership) async throws -> Bool {
        try await leadership.claim().map { $0 > .now } ?? false
    }

    /// Returns once the other process leads.
    private func takeOver(_ leadership: PostgresLeadership) async throws {
        while try await !leads(leadership) {}
    }

    @Test func `one of several processes leads, for each name`() async throws {
        try await TestDatabase.with { database in
            let first = PostgresLeadership(database.settings, name: "keeper")
            let second = PostgresLeadership(database.settings, name: "keeper")
            let other = PostgresLeadership(database.settings, name: "another")
            _ = try await other.claim()
            #expect(try await [leads(first), leads(second), leads(first), leads(other)] == [true, false, true, true])
            await first.resign()
            #expect(try await [leads(second), leads(first)] == [true, false])
        }
    }

    @Test func `the lead moves when the holder's session ends`() async throws {
        try await TestDatabase.with { database in
            let first = PostgresLeadership(database.settings, name: "keeper")
            let second = PostgresLeadership(database.settings, name: "keeper")
            #expect(try await leads(first))
            try await database.run(
                TestDatabase.terminate("datname = current_database() AND query LIKE '%pg_try_advisory_lock%'"))
            try await takeOver(second)
            #expect(try await !leads(first))
        }
    }

    @Test func `the lead moves when the holder stands still, and the holder stops before that`() async throws {
        try await TestDatabase.with { database in
            let first = PostgresLeadership(
                database.settings, name: "keeper", idleTimeout: .milliseconds(400), lease: .milliseconds(200))
            let second = PostgresLeadership(database.settings, name: "keeper")
            let claim = try await first.claim()
            let until = try #require(claim)
            try await takeOver(second)
            #expect(until < .now)
            #expect(try await !leads(first))
        }
    }

    @Test func `a server that is away is a fault, and nobody leads`() async throws {
        var reader = SettingsReader(environment: ["PGHOST": "127.0.0.1", "PGPORT": "1"])
        let nowhere = try PostgresSettings(from: &reader)
        await #expect(throws: StoreError.self) {
            _ = try await PostgresLeadership(nowhere, name: "keeper").claim()
        }
    }
}
