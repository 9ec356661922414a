import BuiltInCatalog
import Contracts
import MessageBus
import Planning
import Store
import Testing

@testable import PostgresStore

/// The cost of a call is in the ledger even if its request's steps no longer exist.
@Suite struct LateCostTests {
    private static func late(_ request: Request.ID, cost: Int64 = 7) -> RequestChange {
        RequestChange(
            request: request, entries: [Fixture.entry(request, step: 3, number: 2, cost: cost)],
            progressedAt: Fixture.noon)
    }

    private static func result(_ snapshots: [RequestSnapshot]) -> [OutgoingRecord] {
        snapshots.flatMap { Emission.records(for: $0, trigger: .every, catalog: .builtIn, from: "/winnow/test") }
    }

    @Test(arguments: StoreKind.allCases)
    func `a late cost of a request without steps is in its ledger and its total, and not in its result`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot(state: .completed, steps: [])
            _ = try await store.accept(
                [Arrival(snapshot: snapshot, entries: [Fixture.entry(snapshot.id, kind: .router)])])
            let before = try await store.snapshots(of: [snapshot.id])
            for _ in 0..<2 { _ = try await store.update([snapshot.id]) { _ in [Self.late(snapshot.id)] } }
            // Also a call that the escalator settles.
            try await store.settle([Fixture.entry(snapshot.id, step: 4, kind: .full, cost: 100)])
            let after = try await store.snapshots(of: [snapshot.id])
            #expect(try await store.ledger(of: snapshot.id).map(\.cost.amount) == [10, 7, 100])
            #expect(after.first?.totals.cost == PicoDollars(117))
            #expect(after.first?.steps == [])
            #expect(Self.result(after) == Self.result(before))
        }
    }

    @Test func `a late cost of a request that was erased is in its total and in all sums`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            _ = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(try await store.erasePayload(of: .default, before: .now) == 1)
            let before = try await store.snapshots(of: [snapshot.id])
            _ = try await store.update([snapshot.id]) { _ in [Self.late(snapshot.id)] }
            var call = try await store.start([Fixture.entry(snapshot.id, kind: .full, state: .started, cost: 1000)])[0]
            call.attempt.state = .settled
            call.cost = PicoDollars(100)
            try await store.settle([call])
            let after = try await store.snapshots(of: [snapshot.id])
            #expect(after.first?.totals.cost == PicoDollars(117))
            #expect(after.first?.totals == .sum(try await store.ledger(of: snapshot.id)))
            #expect(after.first?.resultCost == before.first?.resultCost)
            #expect(after.first?.isErased == true)
            #expect(Self.result(after) == Self.result(before))
            #expect(try await database.column("SELECT sum(cost_pico_usd) FROM winnow.cost_hour") == ["117"])
            #expect(try await database.column("SELECT count(*) FROM winnow.step") == ["0"])
        }
    }

    @Test func `a late cost of a request whose steps retention has dropped is booked`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshots = [Int64(41), 40].map { days in
                var snapshot = Fixture.snapshot("\(days) days old")
                snapshot.id = Fixture.id(at: Timestamp.now.adding(milliseconds: -days * 86_400_000))
                return snapshot
            }
            _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
            _ = try await store.update(snapshots.map(\.id)) { $0.map { Fixture.completion(of: $0) } }
            // It drops the steps of both requests, and has reached the first one.
            try await database.run("SELECT winnow.maintain_partitions(1, 30, 1)")
            let after = try await store.update(snapshots.map(\.id)) { $0.map { Self.late($0.id) } }
            #expect(after.map(\.id) == [snapshots[1].id])
            #expect(after.first?.steps == [])
            #expect(after.first?.state == .completed)
            #expect(try await store.ledger(of: snapshots[1].id).map(\.cost.amount) == [7])
            #expect(try await database.column("SELECT sum(cost_pico_usd) FROM winnow.cost_hour") == ["27"])
        }
    }
}
