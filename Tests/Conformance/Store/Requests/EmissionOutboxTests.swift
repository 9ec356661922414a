import Contracts
import Store
import Testing

@Suite struct EmissionOutboxTests {
    private struct Refused: Error {}

    private static func end(_ snapshot: RequestSnapshot, _ owed: [OwedEmission.Kind]) -> RequestChange {
        RequestChange(request: snapshot.id, state: .cancelled, progressedAt: Fixture.noon, owed: owed)
    }

    @Test(arguments: StoreKind.allCases)
    func `the emissions that a change owes are kept in order until they are deleted`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshots = [Fixture.snapshot("1"), Fixture.snapshot("2"), Fixture.snapshot("3")]
            _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
            #expect(try await store.owedEmissions(limit: 10) == [])
            _ = try await store.update([snapshots[1].id]) { _ in [Self.end(snapshots[1], [.cancellation, .state])] }
            _ = try await store.update([snapshots[0].id]) { _ in [Self.end(snapshots[0], [.state])] }
            _ = try await store.update([snapshots[2].id]) { _ in [Self.end(snapshots[2], [])] }
            let owed = try await store.owedEmissions(limit: 10)
            #expect(owed.map(\.request) == [snapshots[1].id, snapshots[1].id, snapshots[0].id])
            #expect(owed.map(\.kind) == [.cancellation, .state, .state])
            #expect(try await store.owedEmissions(limit: 2) == Array(owed.prefix(2)))
            try await store.forgetEmissions(Array(owed.prefix(2)))
            try await store.forgetEmissions([])
            #expect(try await store.owedEmissions(limit: 10) == [owed[2]])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `an emission owed again while it is sent is not deleted with the first`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let redrive = RequestChange(
                request: snapshot.id, progressedAt: Fixture.noon, redriveAt: Fixture.noon, owed: [.state])
            _ = try await store.update([snapshot.id]) { _ in [redrive] }
            let sent = try await store.owedEmissions(limit: 10)
            _ = try await store.update([snapshot.id]) { _ in [Self.end(snapshot, [.state])] }
            try await store.forgetEmissions(sent)
            #expect(try await store.owedEmissions(limit: 10).map(\.request) == [snapshot.id])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a change that is rolled back owes no emission`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let changes = [
                Self.end(snapshot, [.state]),
                RequestChange(request: Fixture.id(), progressedAt: Fixture.noon, owed: [.state]),
            ]
            await #expect(throws: StoreError.self) { _ = try await store.update([snapshot.id]) { _ in changes } }
            #expect(try await store.owedEmissions(limit: 10) == [])
        }
    }
}
