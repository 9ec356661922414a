import Contracts
import Store
import Testing

@Suite struct OverdueTests {
    @Test(arguments: StoreKind.allCases)
    func `open requests past their deadline or without progress are found, oldest first`(kind: StoreKind) async throws {
        try await kind.with { store in
            let now = Fixture.noon
            func before(_ seconds: Int64) -> Timestamp { now.adding(milliseconds: -seconds * 1000) }
            let stalled = Fixture.snapshot("stalled", acceptedAt: before(100))
            let late = Fixture.snapshot("late", acceptedAt: before(50), deadline: before(0))
            let both = Fixture.snapshot("both", acceptedAt: before(200), deadline: before(150))
            let fresh = Fixture.snapshot("fresh", acceptedAt: before(10), deadline: before(-1))
            let final = Fixture.snapshot("final", state: .rejected, acceptedAt: before(300), deadline: before(250))
            var moving = Fixture.snapshot("moving", acceptedAt: before(400))
            moving.progressedAt = before(1)
            _ = try await store.accept([stalled, late, both, fresh, final, moving].map { Arrival(snapshot: $0) })
            let found = try await store.overdue(
                now: now, stalledSince: before(60), bulkStalledSince: before(60), limit: 10)
            #expect(found == [both.id, stalled.id, late.id])
            #expect(
                try await store.overdue(now: now, stalledSince: before(60), bulkStalledSince: before(60), limit: 1) == [
                    both.id
                ])
            #expect(
                try await store.overdue(
                    now: before(1000), stalledSince: before(1000),
                    bulkStalledSince: before(1000), limit: 10) == [])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `the bulk lane may stand for longer`(kind: StoreKind) async throws {
        try await kind.with { store in
            let now = Fixture.noon
            func before(_ seconds: Int64) -> Timestamp { now.adding(milliseconds: -seconds * 1000) }
            let stalled = Fixture.snapshot("stalled", acceptedAt: before(100))
            var waiting = Fixture.snapshot("waiting", acceptedAt: before(200))
            var lost = Fixture.snapshot("lost", acceptedAt: before(300))
            var final = Fixture.snapshot("final", state: .rejected, acceptedAt: before(400))
            (waiting.lane, lost.lane, final.lane) = (.bulk, .bulk, .bulk)
            _ = try await store.accept([stalled, waiting, lost, final].map { Arrival(snapshot: $0) })
            let found = try await store.overdue(
                now: now, stalledSince: before(60), bulkStalledSince: before(250), limit: 10)
            #expect(found == [lost.id, stalled.id])
        }
    }
}
