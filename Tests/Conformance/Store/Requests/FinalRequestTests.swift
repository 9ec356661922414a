import Contracts
import Store
import Synchronization
import Testing

@testable import PostgresStore

@Suite struct FinalRequestTests {
    private final class Seen: Sendable {
        private let requests = Mutex<[RequestSnapshot]>([])

        var all: [RequestSnapshot] { requests.withLock { $0 } }

        @Sendable func note(_ request: RequestSnapshot) { requests.withLock { $0.append(request) } }
    }

    @Test(arguments: StoreKind.allCases)
    func `a request that becomes final is reported once, however often it is settled again`(kind: StoreKind)
        async throws
    {
        let seen = Seen()
        try await kind.with(onFinal: seen.note) { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            #expect(seen.all.isEmpty)
            let completed = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            _ = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(seen.all == completed)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a request that is rejected from the start is reported once, also when it comes again`(
        kind: StoreKind
    ) async throws {
        let seen = Seen()
        try await kind.with(onFinal: seen.note) { store in
            var rejected = Fixture.snapshot(state: .rejected, steps: [])
            rejected.error = "no reason"
            let again = Fixture.snapshot(state: .rejected, steps: [])
            _ = try await store.accept([rejected, again].map { Arrival(snapshot: $0) })
            _ = try await store.accept([Arrival(snapshot: again)])
            #expect(seen.all.map(\.id) == [rejected.id])
        }
    }

    @Test func `the figures of the suite are those of all its requests and calls`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let none = try await store.suiteFigures()
            #expect(none == SuiteFigures(requests: [.interactive: .init(), .bulk: .init()], costs: [:]))
            let snapshots = [Fixture.snapshot("a"), Fixture.snapshot("b"), Fixture.snapshot("c", state: .rejected)]
            _ = try await store.accept(
                snapshots.map { Arrival(snapshot: $0, entries: [Fixture.entry($0.id, cost: 5)]) })
            _ = try await store.submit([Submission(tenant: .default, eventID: "d", body: [0x7B, 0x7D])])
            let figures = try await store.suiteFigures()
            #expect(
                figures.requests[.interactive]
                    == .init(open: 2, oldestAcceptedAt: Fixture.noon, waiting: 1))
            #expect(figures.costs == [.worker: PicoDollars(15)])
        }
    }
}
