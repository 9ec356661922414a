import Contracts
import PostgresStore
import Store
import Testing

@Suite struct InstanceTests {
    @Test(arguments: StoreKind.allCases)
    func `the newest beat of each is kept, whatever the order in which they come`(kind: StoreKind) async throws {
        try await kind.with { store in
            let later = Fixture.noon.adding(milliseconds: 5000)
            try await store.note([])
            try await store.note([
                Fixture.instance("b", partitions: 1, beatAt: later), Fixture.instance("a"),
                Fixture.instance("b", partitions: 2),
            ])
            #expect(
                try await store.instances() == [
                    Fixture.instance("a"), Fixture.instance("b", partitions: 1, beatAt: later),
                ])
            // Of the same instant, what was told last; of an earlier one, nothing.
            try await store.note([
                Fixture.instance("b", .draining, partitions: 3, beatAt: later),
                Fixture.instance("b", .draining, partitions: 0, beatAt: later),
            ])
            try await store.note([Fixture.instance("b", .running)])
            #expect(try await store.instances().last == Fixture.instance("b", .draining, partitions: 0, beatAt: later))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `who was silent is forgotten, whatever it said last`(kind: StoreKind) async throws {
        try await kind.with { store in
            let later = Fixture.noon.adding(milliseconds: 1)
            try await store.note([
                Fixture.instance("a"), Fixture.instance("b", .stopped), Fixture.instance("c", beatAt: later),
            ])
            try await store.forgetInstances(silentSince: Fixture.noon)
            #expect(try await store.instances().count == 3)
            try await store.forgetInstances(silentSince: later)
            #expect(try await store.instances().map(\.id.description) == ["c"])
        }
    }

    @Test func `who is silent for three beats is lost, and who has stopped is not`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let now = Timestamp.now
            try await store.note([
                Fixture.instance("fresh", beatAt: now.adding(milliseconds: -9_000)),
                Fixture.instance("lost", .draining, beatAt: now.adding(milliseconds: -60_000)),
                Fixture.instance("stopped", .stopped, beatAt: now.adding(milliseconds: -60_000)),
                Fixture.instance("ahead", beatAt: now.adding(milliseconds: 60_000)),
            ])
            let reader = OperationsReader(database.settings)
            let all = try await reader.instances(stopped: true)
            let states = all.rows.map { row in [row[0], row[5]].compactMap { $0 }.joined(separator: " ") }
            #expect(states == ["ahead running", "fresh running", "lost lost", "stopped stopped"])
            #expect(all.rows.first?.last == "0.0")
            #expect(try await reader.instances(stopped: false).rows.count == 3)
            let lost = try #require(Instance.ID("lost"))
            #expect(try await reader.find(lost)?.state == "lost")
            #expect(try await reader.find(lost)?.partitions == 6)
            #expect(try await reader.find(try #require(Instance.ID("unknown"))) == nil)
        }
    }
}
