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
            // Of two heartbeats with the same instant, the later report wins. An earlier instant is ignored.
            try await store.note([
                Fixture.instance("b", .draining, partitions: 3, beatAt: later),
                Fixture.instance("b", .draining, partitions: 0, beatAt: later),
            ])
            try await store.note([Fixture.instance("b", .running)])
            #expect(try await store.instances().last == Fixture.instance("b", .draining, partitions: 0, beatAt: later))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `an instance without heartbeats is deleted, whatever its last state was`(kind: StoreKind) async throws {
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

    @Test func `an instance that misses three heartbeats is lost, and a stopped one is not`() async throws {
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

    @Test func `processor time is counted once, by day and service, and priced at the rate of the day`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            func beat(_ id: String, _ seconds: Int64, used milliseconds: Int, restarted: Bool = false) -> Instance {
                var beat = Fixture.instance(id, beatAt: Fixture.noon.adding(milliseconds: seconds * 1000))
                beat.processorTime = milliseconds
                if restarted { beat.startedAt = beat.beatAt.adding(milliseconds: -1000) }
                return beat
            }
            // The first heartbeat covers the time since the start. A repeated or late heartbeat adds nothing.
            for beats in [
                [beat("a", 10, used: 700), beat("b", 10, used: 100)], [beat("a", 20, used: 900)],
                [beat("a", 20, used: 900)], [beat("a", 15, used: 800)],
                // A new process under the same id begins at zero. No process uses 256 cores.
                [beat("a", 30, used: 50, restarted: true)], [beat("b", 11, used: 900_000_000)],
            ] { try await store.note(beats) }
            let own = "FROM winnow.platform_day WHERE component = 'legal-services-worker'"
            #expect(try await database.column("SELECT cpu_ms::bigint \(own)") == ["\(700 + 100 + 200 + 50 + 256_000)"])
            #expect(try await store.instances().map(\.processorTime) == [50, 900_000_000])
            // 257.05 s at 0.04 USD an hour.
            let cost = "SELECT cost_pico_usd::bigint FROM ops.platform_cost WHERE component = 'legal-services-worker'"
            #expect(try await database.column(cost) == ["2856111111"])
            try await store.addPlatformRate(coreHour: PicoDollars(1), from: nil)
            #expect(try await database.column(cost) == ["2856111111"])
            await #expect(throws: StoreError.self) {
                try await store.addPlatformRate(
                    coreHour: PicoDollars(1), from: Fixture.noon.adding(milliseconds: -99_999_999_999))
            }
        }
    }

    @Test func `the database's own time is counted from where its counter was, and from zero where it was reset`()
        async throws
    {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            func beat(_ seconds: Int64) async throws {
                try await store.note([Fixture.instance("a", beatAt: Fixture.noon.adding(milliseconds: seconds * 1000))])
            }
            let own = "SELECT cpu_ms BETWEEN 1000 AND 1000000 FROM winnow.platform_day WHERE component = 'database'"
            try await database.run("UPDATE winnow.platform_meter SET reading_ms = -1000")
            try await beat(1)
            #expect(try await database.column(own) == ["true"])
            try await database.run("UPDATE winnow.platform_meter SET reading_ms = 1e12")
            try await beat(2)
            #expect(try await database.column(own) == ["true"])
            #expect(try await database.column("SELECT reading_ms < 1e9 FROM winnow.platform_meter") == ["true"])
        }
    }
}
