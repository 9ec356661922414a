import BuiltInCatalog
import Contracts
import MessageBus
import Planning
import Store
import Testing

@testable import PostgresStore

/// The content of a result never changes, whatever happens to the ledger later.
@Suite struct ResultTests {
    private static func call(_ request: Request.ID, cost: Int64 = 1000) -> LedgerEntry {
        Fixture.entry(request, number: 2, kind: .full, state: .started, cost: cost)
    }

    private static func result(_ snapshots: [RequestSnapshot]) -> [OutgoingRecord] {
        snapshots.flatMap { Emission.records(for: $0, trigger: .every, catalog: .builtIn, from: "/winnow/test") }
    }

    @Test(arguments: StoreKind.allCases)
    func `a call that a zombie settles after the end is in the total and not in the result`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            var call = try await store.start([Self.call(snapshot.id)])[0]
            let after = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(after.first?.resultCost?.totals.cost == PicoDollars(1010))
            #expect(after.first?.resultCost?.isFinal == false)
            call.attempt.state = .settled
            call.cost = PicoDollars(7)
            try await store.settle([call])
            let stored = try await store.snapshots(of: [snapshot.id])
            #expect(stored.first?.totals == .sum(try await store.ledger(of: snapshot.id)))
            #expect(stored.first?.totals.cost == PicoDollars(17))
            #expect(stored.first?.resultCost == after.first?.resultCost)
            #expect(Self.result(stored) == Self.result(after))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a call that is started after the end is in the total and not in the result`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let after = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(after.first?.resultCost == ResultCost(totals: .sum([Fixture.entry(snapshot.id)]), isFinal: true))
            _ = try await store.start([Self.call(snapshot.id)])
            _ = try await store.reserve([Self.call(snapshot.id, cost: 100)])
            let stored = try await store.snapshots(of: [snapshot.id])
            #expect(stored.first?.totals.cost == PicoDollars(1110))
            #expect(Self.result(stored) == Self.result(after))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a background check is in no total`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let calls = try await store.start([Fixture.entry(snapshot.id, number: 2, kind: .shadow, state: .started)])
            let after = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(after.first?.resultCost?.isFinal == true)
            try await store.settle(calls)
            #expect(try await store.snapshots(of: [snapshot.id]).first?.totals.cost == PicoDollars(10))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `work that was given up leaves the result's cost open for good`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let end = RequestChange(
                request: snapshot.id, state: .cancelled, isCostFinal: false, progressedAt: Fixture.noon)
            let after = try await store.update([snapshot.id]) { _ in [end] }
            #expect(after.first?.resultCost == ResultCost(totals: .zero, isFinal: false))
            #expect(after.first?.completedAt == Fixture.noon)
            let late = RequestChange(
                request: snapshot.id, entries: [Fixture.entry(snapshot.id)],
                progressedAt: Fixture.noon.adding(milliseconds: 9))
            #expect(Self.result(try await store.update([snapshot.id]) { _ in [late] }) == Self.result(after))
            #expect(Self.result(try await store.snapshots(of: [snapshot.id])) == Self.result(after))
        }
    }

    @Test func `settling and ending at the same time leave the total equal to the ledger`() async throws {
        try await TestDatabase.with { database in
            let stores = [PostgresStore(database.settings), PostgresStore(database.settings)]
            for number in 0..<20 {
                let snapshot = Fixture.snapshot("\(number)")
                _ = try await stores[0].accept([Arrival(snapshot: snapshot)])
                var call = try await stores[0].start([Self.call(snapshot.id)])[0]
                call.attempt.state = .settled
                call.cost = PicoDollars(7)
                let settled = call
                async let settlement: Void = stores[0].settle([settled])
                async let end = stores[1].update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
                try await settlement
                _ = try await end
                #expect(try await stores[0].snapshots(of: [snapshot.id]).first?.totals.cost == PicoDollars(17))
            }
        }
    }

    @Test func `a request whose payload was erased has the same status and cost, and says so`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let after = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(after.first?.isErased == false)
            for erasure in ["UPDATE winnow.request SET erased_at = now()", "DELETE FROM winnow.step"] {
                try await database.run(erasure)
                let erased = try #require(try await store.snapshots(of: [snapshot.id]).first)
                #expect(erased.isErased)
                #expect(erased.state == .completed)
                #expect(erased.resultCost == after.first?.resultCost)
                try await database.run("UPDATE winnow.request SET erased_at = NULL")
            }
        }
    }
}
