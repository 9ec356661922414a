import Contracts
import Store
import Testing

@Suite struct OverdueTests {
    private static let now = Fixture.noon

    private static func before(_ seconds: Int64) -> Timestamp { now.adding(milliseconds: -seconds * 1000) }

    private func stalled(
        _ store: any StoreUnderTest, at now: Timestamp = now, limit: Int = 10
    ) async throws -> [Request.ID] {
        try await store.stalled(
            now: now, since: now.adding(milliseconds: -60_000), bulkSince: now.adding(milliseconds: -250_000),
            limit: limit)
    }

    @Test(arguments: StoreKind.allCases)
    func `open requests past their deadline are found, the longest overdue first`(kind: StoreKind) async throws {
        try await kind.with { store in
            let late = Fixture.snapshot("late", acceptedAt: Self.before(50), deadline: Self.before(0))
            let later = Fixture.snapshot("later", acceptedAt: Self.before(20), deadline: Self.before(15))
            let fresh = Fixture.snapshot("fresh", acceptedAt: Self.before(10), deadline: Self.before(-1))
            let final = Fixture.snapshot(
                "final", state: .rejected, acceptedAt: Self.before(300), deadline: Self.before(250))
            _ = try await store.accept([late, later, fresh, final].map { Arrival(snapshot: $0) })
            #expect(try await store.pastDeadline(at: Self.now, limit: 10) == [later.id, late.id])
            #expect(try await store.pastDeadline(at: Self.now, limit: 1) == [later.id])
            #expect(try await store.pastDeadline(at: Self.before(100), limit: 10) == [])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `open requests without progress are found, the oldest first`(kind: StoreKind) async throws {
        try await kind.with { store in
            let stalled = Fixture.snapshot("stalled", acceptedAt: Self.before(100))
            let older = Fixture.snapshot("older", acceptedAt: Self.before(200))
            let fresh = Fixture.snapshot("fresh", acceptedAt: Self.before(10))
            var moving = Fixture.snapshot("moving", acceptedAt: Self.before(400))
            moving.progressedAt = Self.before(1)
            let final = Fixture.snapshot("final", state: .rejected, acceptedAt: Self.before(300))
            _ = try await store.accept([stalled, older, fresh, moving, final].map { Arrival(snapshot: $0) })
            #expect(try await self.stalled(store) == [older.id, stalled.id])
            #expect(try await self.stalled(store, limit: 1) == [older.id])
            #expect(try await self.stalled(store, at: Self.before(1000)) == [])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `the bulk lane may stand for longer`(kind: StoreKind) async throws {
        try await kind.with { store in
            let stalled = Fixture.snapshot("stalled", acceptedAt: Self.before(100))
            var waiting = Fixture.snapshot("waiting", acceptedAt: Self.before(200))
            var lost = Fixture.snapshot("lost", acceptedAt: Self.before(300))
            var final = Fixture.snapshot("final", state: .rejected, acceptedAt: Self.before(400))
            (waiting.lane, lost.lane, final.lane) = (.bulk, .bulk, .bulk)
            _ = try await store.accept([stalled, waiting, lost, final].map { Arrival(snapshot: $0) })
            #expect(try await self.stalled(store) == [lost.id, stalled.id])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a request that was emitted again, or waits in a queue, is left alone until its time`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot(acceptedAt: Self.before(100))
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let later = Self.now.adding(milliseconds: 500_000)
            try await store.postponeRedrive(of: [snapshot.id], until: later)
            #expect(try await stalled(store) == [])
            #expect(try await stalled(store, at: later) == [snapshot.id])
            #expect(try await store.snapshots(of: [snapshot.id]).first?.redrives == 0)

            let redrive = RequestChange(
                request: snapshot.id, progressedAt: later, redriveAt: later.adding(milliseconds: 240_000))
            for count in 1...2 {
                let after = try await store.update([snapshot.id]) { _ in [redrive] }
                #expect(after.first?.redrives == count)
                #expect(try await store.snapshots(of: [snapshot.id]) == after)
            }
            #expect(try await stalled(store, at: later.adding(milliseconds: 239_999)) == [])
            #expect(try await stalled(store, at: later.adding(milliseconds: 240_000)) == [snapshot.id])

            let progress = RequestChange(request: snapshot.id, progressedAt: later)
            let after = try await store.update([snapshot.id]) { _ in [progress] }
            #expect(after.first?.redrives == 0 && after.first?.redriveAt == nil)
            #expect(try await stalled(store, at: later.adding(milliseconds: 60_001)) == [snapshot.id])
        }
    }
}
