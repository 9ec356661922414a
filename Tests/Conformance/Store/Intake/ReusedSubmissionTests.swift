import Contracts
import PostgresStore
import Store
import Testing

/// Only one body waits for each id. A client that submits another body gets an error.
@Suite struct ReusedSubmissionTests {
    private static func submission(
        _ eventID: EventID, _ body: String, of tenant: String = "acme", place: Int64 = 0
    ) -> Submission {
        Submission(tenant: TenantID(rawValue: tenant), eventID: eventID, body: Array(body.utf8), place: place)
    }

    private func next(_ store: any StoreUnderTest, at milliseconds: Int64 = 0) async throws -> [String] {
        let now = Fixture.noon.adding(milliseconds: milliseconds)
        let turn = SubmissionTurn(
            now: now, resendBefore: now.adding(milliseconds: -60_000), limit: 100, window: 100)
        let taken = try await store.next(turn)
        return taken.map { "\($0.tenant) \($0.eventID) \(String(decoding: $0.body, as: UTF8.self))" }.sorted()
    }

    @Test(arguments: StoreKind.allCases)
    func `another body under an id that waits is not taken, and what waits stays`(kind: StoreKind) async throws {
        try await kind.with { store in
            let first = try await store.submit([Self.submission("a", "one")])
            let offers = [
                Self.submission("b", "one"), Self.submission("a", "two"), Self.submission("a", "two", of: "umbra"),
            ]
            #expect(first.isEmpty)
            #expect(try await store.submit(offers) == [1])
            #expect(try await next(store) == ["acme a one", "acme b one", "umbra a two"])
            // This also holds while the request is being processed.
            #expect(try await store.submit([Self.submission("a", "two")]) == [0])
            #expect(try await next(store, at: 1).isEmpty)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `the same body submitted again is returned again, with its first place`(kind: StoreKind) async throws {
        try await kind.with { store in
            let first = try await store.submit([Self.submission("a", "one", place: 7)])
            #expect(first.isEmpty)
            #expect(try await next(store) == ["acme a one"])
            #expect(try await store.submit([Self.submission("a", "one", place: 8)]).isEmpty)
            let turn = SubmissionTurn(now: Fixture.noon, resendBefore: Fixture.noon, limit: 10, window: 10)
            #expect(try await store.next(turn).map(\.place) == [7])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `of requests whose clients ask again only those wait again that were answered before`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let snapshots = [Fixture.snapshot("a", state: .rejected, steps: []), Fixture.snapshot("b")]
            _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
            let asked = ["a", "b", "c"].map { Self.submission(EventID($0), "{}", of: TenantID.default.rawValue) }
            try await store.submitAgain(asked, answeredBefore: Fixture.noon)
            #expect(try await next(store).isEmpty)
            try await store.submitAgain(asked, answeredBefore: Fixture.noon.adding(milliseconds: 1))
            #expect(try await next(store) == ["default a {}"])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `of several bodies under one id the first acceptable one is stored`(kind: StoreKind) async throws {
        try await kind.with { store in
            let lines = [
                Self.submission("a", "one"), Self.submission("b", "one"), Self.submission("a", "two"),
                Self.submission("a", "one"), Self.submission("a", "three"),
            ]
            let refused = try await store.submit(lines)
            #expect(refused == [2, 4])
            #expect(try await next(store) == ["acme a one", "acme b one"])
            // The waiting request is the first one.
            let again = [Self.submission("a", "two"), Self.submission("a", "one"), Self.submission("a", "two")]
            #expect(try await store.submit(again) == [0, 2])
            #expect(try await next(store, at: 1) == ["acme a one"])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `an id that no longer waits is free for the suite to judge`(kind: StoreKind) async throws {
        try await kind.with { store in
            let first = try await store.submit([Self.submission("a", "one")])
            #expect(first.isEmpty)
            #expect(try await next(store) == ["acme a one"])
            try await store.forget([Self.submission("a", "one").key])
            #expect(try await store.submit([Self.submission("a", "two")]).isEmpty)
            #expect(try await next(store) == ["acme a two"])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a parked request waits like a submitted one`(kind: StoreKind) async throws {
        try await kind.with { store in
            let parked = Self.submission("a", "one")
            let verdicts = try await store.accept([], parking: [Parking(parked)]).parked
            #expect(verdicts == [.waits])
            #expect(try await store.submit([Self.submission("a", "two"), parked]) == [0])
            #expect(try await next(store) == ["acme a one"])
        }
    }

    @Test func `two that submit another body under one id at once are told which was taken`() async throws {
        try await TestDatabase.with { database in
            for number in 0..<20 {
                let event = EventID("\(number)")
                let refused = try await withThrowingTaskGroup(of: Int.self) { group in
                    for body in ["one", "two", "three"] {
                        group.addTask {
                            let store = PostgresStore(database.settings)
                            return try await store.submit([Self.submission(event, body)]).count
                        }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(refused == 2)
            }
        }
    }
}
