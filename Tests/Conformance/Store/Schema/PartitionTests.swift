import Contracts
import Store
import Testing

@testable import PostgresStore

@Suite struct PartitionTests {
    private static let day: Int64 = 86_400_000

    @Test func `a batch opens the partitions of its days only`() async throws {
        try await TestDatabase.with { database in
            let today = RequestKey(Fixture.id())
            let statement = RequestReading.steps(of: PostgresArray([today]), from: today, to: today)
            let id = try today.requestID()
            let explain = SQL(stringLiteral: "EXPLAIN (COSTS OFF) EXECUTE s1 ('{\(id)}', '\(id)', '\(id)')")
            let plan = try await PostgresStore(database.settings).session.run { connection in
                // A session prepares its first statement as s1.
                try connection.execute(statement)
                return try connection.execute(explain)[0].rows { try $0.text(.only) }.joined(separator: "\n")
            }
            // Two days ahead, today, and the default partition.
            #expect(plan.contains("Subplans Removed: 3"))
            #expect(!plan.contains("step_default"))
            #expect(!plan.contains("Seq Scan"))
        }
    }

    @Test func `rows that were written before their partition existed are moved to it`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let id = Fixture.id(at: Timestamp.now.adding(milliseconds: 5 * Self.day))
            var snapshot = Fixture.snapshot()
            snapshot.id = id
            _ = try await store.accept([Arrival(snapshot: snapshot, entries: [Fixture.entry(id)])])
            #expect(try await database.column("SELECT count(*) FROM winnow.step_default") == ["1"])
            let done = try await store.maintainPartitions(daysAhead: 5)
            // Three days of four tables.
            #expect(done.created == 12)
            #expect(try await database.column("SELECT count(*) FROM winnow.step_default") == ["0"])
            #expect(try await store.snapshots(of: [id]) == [snapshot])
            #expect(try await store.ledger(of: id).count == 1)
            #expect(try await store.maintainPartitions(daysAhead: 5).created == 0)
        }
    }

    @Test func `requests past retention are deleted, except open ones`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let old = Timestamp.now.adding(milliseconds: -40 * Self.day)
            var snapshots = [
                Fixture.snapshot("open"), Fixture.snapshot("final", state: .rejected), Fixture.snapshot("new"),
            ]
            snapshots[0].id = Fixture.id(at: old)
            snapshots[1].id = Fixture.id(at: old)
            _ = try await store.accept(
                snapshots.map { Arrival(snapshot: $0, entries: [Fixture.entry($0.id)]) })
            let done = try await store.maintainPartitions(daysAhead: 0, retentionDays: 30)
            #expect(done == PartitionMaintenance(created: 0, dropped: 0, deletedRequests: 1))
            #expect(try await store.snapshots(of: snapshots.map(\.id)) == [snapshots[0], snapshots[2]])
            #expect(try await store.ledger(of: snapshots[1].id) == [])
            #expect(try await store.ledger(of: snapshots[0].id).count == 1)
        }
    }

    @Test func `a day's partition past retention is dropped`() async throws {
        try await TestDatabase.with { database in
            let bounds = "FROM (winnow.uuid_v7_floor('2020-01-02Z')) TO (winnow.uuid_v7_floor('2020-01-03Z'))"
            for parent in ["step", "attempt"] {
                try await database.run(
                    """
                    CREATE TABLE winnow.\(parent)_p20200102 PARTITION OF winnow.\(parent) FOR VALUES \(bounds)
                    """)
            }
            let store = PostgresStore(database.settings)
            #expect(try await store.maintainPartitions(daysAhead: 0).dropped == 2)
        }
    }
}
