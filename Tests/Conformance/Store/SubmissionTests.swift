import Contracts
import Store
import Testing

@Suite struct SubmissionTests {
    private static func submission(
        _ eventID: String, _ tenant: String = "acme", lane: Lane = .interactive
    ) -> Submission {
        Submission(tenant: TenantID(rawValue: tenant), eventID: eventID, body: Array("{}".utf8), lane: lane)
    }

    private static func turn(
        _ lane: Lane = .interactive, at milliseconds: Int64 = 0, resendAfter: Int64 = 1000, limit: Int = 100,
        window: Int = 100
    ) -> SubmissionTurn {
        let now = Fixture.noon.adding(milliseconds: milliseconds)
        return SubmissionTurn(
            lane: lane, now: now, resendBefore: now.adding(milliseconds: -resendAfter), limit: limit, window: window)
    }

    @Test(arguments: StoreKind.allCases)
    func `what was submitted is given out once, and again when nobody accepted it`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.submit([Self.submission("a")])
            #expect(try await store.next(Self.turn()) == [Self.submission("a")])
            #expect(try await store.next(Self.turn(at: 900)) == [])
            #expect(try await store.next(Self.turn(at: 1100)) == [Self.submission("a")])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `what was accepted is forgotten, and given out again when it is submitted again`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            var snapshot = Fixture.snapshot("a", state: .rejected, steps: [])
            snapshot.error = "not_json: no"
            let submission = Submission(tenant: snapshot.tenant, eventID: "a", body: [1, 0, 255])
            try await store.submit([submission])
            #expect(try await store.next(Self.turn()) == [submission])
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            #expect(try await store.next(Self.turn(at: 5000)) == [])
            try await store.submit([submission])
            #expect(try await store.next(Self.turn(at: 5000)) == [submission])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a tenant that floods waits behind its own`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.submit((0..<50).map { Self.submission("flood-\($0)", "flooding") })
            for tenant in 0..<10 { try await store.submit([Self.submission("quiet", "quiet-\(tenant)")]) }
            let first = try await store.next(Self.turn(limit: 11))
            #expect(first.count { $0.eventID == "quiet" } == 10)
            let second = try await store.next(Self.turn(limit: 11))
            #expect(second.allSatisfy { $0.tenant.rawValue == "flooding" } && second.count == 11)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `no more is given out than the window has room for`(kind: StoreKind) async throws {
        try await kind.with { store in
            _ = try await store.accept([Arrival(snapshot: Fixture.snapshot("open"))])
            try await store.submit((0..<9).map { Self.submission("\($0)") })
            #expect(try await store.next(Self.turn(window: 5)).count == 4)
            #expect(try await store.next(Self.turn(window: 5)).isEmpty)
            #expect(try await store.next(Self.turn(limit: 2, window: 50)).count == 2)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a lane has a window of its own, and waits for no other`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.submit((0..<9).map { Self.submission("bulk-\($0)", lane: .bulk) })
            try await store.submit([Self.submission("now")])
            let bulk = try await store.next(Self.turn(.bulk, window: 4))
            #expect(bulk.count == 4 && bulk.allSatisfy { $0.lane == .bulk })
            #expect(try await store.next(Self.turn(.bulk, window: 4)) == [])
            #expect(try await store.next(Self.turn(window: 1)) == [Self.submission("now")])
            var open = Fixture.snapshot(bulk[0].eventID, tenant: TenantID(rawValue: "acme"))
            open.lane = .bulk
            _ = try await store.accept([Arrival(snapshot: open)])
            #expect(try await store.next(Self.turn(.bulk, window: 4)) == [])
            #expect(try await store.next(Self.turn(.bulk, window: 5)).count == 1)
        }
    }
}
