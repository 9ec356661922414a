import Contracts
import PostgresStore
import Store
import Testing

@Suite struct CancellationTests {
    @Test(arguments: StoreKind.allCases)
    func `requested cancellations are kept until they are deleted, oldest first`(kind: StoreKind) async throws {
        try await kind.with { store in
            let requests = (0..<3).map { _ in Fixture.id() }.sorted()
            let later = Fixture.noon.adding(milliseconds: 5)
            try await store.requestCancellation(of: [], at: Fixture.noon)
            try await store.requestCancellation(of: [requests[0]], at: later)
            try await store.requestCancellation(of: [requests[2], requests[1], requests[1]], at: Fixture.noon)
            // Requesting it again keeps the original time.
            try await store.requestCancellation(of: [requests[1]], at: later)
            #expect(try await store.requestedCancellations(limit: 10) == [requests[1], requests[2], requests[0]])
            #expect(try await store.requestedCancellations(limit: 1) == [requests[1]])
            #expect(try await store.requestedCancellations(limit: 0) == [])
            try await store.forgetCancellations(of: [])
            try await store.forgetCancellations(of: [requests[1], Fixture.id()])
            #expect(try await store.requestedCancellations(limit: 10) == [requests[2], requests[0]])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a cancelled request and its steps are read back as such`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            _ = try await store.update([snapshot.id]) { $0.map { Fixture.cancellation(of: $0) } }
            let stored = try await store.snapshots(of: [snapshot.id])
            #expect(stored.map(\.state) == [.cancelled])
            #expect(stored.first?.steps.map(\.state) == [.cancelled])
        }
    }

    @Test func `items that were never computed count as avoided, and computed ones do not`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let never = Fixture.snapshot(
                "never", tenant: TenantID(rawValue: "acme"),
                steps: [Fixture.step(items: [Item(text: "a\u{0}"), Item(text: "b")])])
            let paid = Fixture.snapshot("paid")
            let answered = Fixture.snapshot("answered")
            _ = try await store.accept([never, paid, answered].map { Arrival(snapshot: $0) })
            _ = try await store.start([Fixture.entry(paid.id, kind: .full)])
            _ = try await store.update([never.id, paid.id]) { $0.map { Fixture.cancellation(of: $0) } }
            _ = try await store.update([answered.id]) { $0.map { Fixture.completion(of: $0) } }
            let rows = try await database.column(
                """
                SELECT concat_ws(' ', capability, task, tenant, reason, steps, items) FROM ops.avoided_compute
                """)
            #expect(rows == ["legal-services clause-type acme cancelled 1 2"])
        }
    }

    @Test func `a request is found by either of its ids, and among tenants by theirs`() async throws {
        try await TestDatabase.with { database in
            let tenants = ["one", "two"].map { TenantID(rawValue: $0) }
            let snapshots = tenants.map { Fixture.snapshot("shared", tenant: $0) }
            _ = try await PostgresStore(database.settings).accept(snapshots.map { Arrival(snapshot: $0) })
            let reader = OperationsReader(database.settings)
            #expect(Set(try await reader.find("shared").map(\.id)) == Set(snapshots.map(\.id)))
            #expect(try await reader.find("shared", tenant: tenants[1]).map(\.id) == [snapshots[1].id])
            #expect(try await reader.find("\(snapshots[0].id)").map(\.tenant) == [tenants[0]])
            #expect(try await reader.find("\(snapshots[0].id)", tenant: tenants[1]).isEmpty)
            #expect(try await reader.find("unknown").isEmpty)
        }
    }
}

extension Fixture {
    /// The change for a cancelled request with one step.
    fileprivate static func cancellation(of snapshot: RequestSnapshot) -> RequestChange {
        var step = snapshot.steps[0]
        step.state = .cancelled
        return RequestChange(
            request: snapshot.id, state: .cancelled, updatedSteps: [step],
            progressedAt: noon.adding(milliseconds: 500))
    }
}
