import Contracts
import PostgresStore
import Store
import Testing

@Suite struct SubmissionTests {
    private static func submission(
        _ eventID: EventID, _ tenant: String = "acme", lane: Lane = .interactive
    ) -> Submission {
        Submission(tenant: TenantID(rawValue: tenant), eventID: eventID, body: Array("{}".utf8), lane: lane)
    }

    private static func turn(
        _ lane: Lane = .interactive, at milliseconds: Int64 = 0, resendAfter: Int64 = 1000, limit: Int = 100,
        window: Int = 100, share: Int = 0
    ) -> SubmissionTurn {
        let now = Fixture.noon.adding(milliseconds: milliseconds)
        return SubmissionTurn(
            lane: lane, now: now, resendBefore: now.adding(milliseconds: -resendAfter), limit: limit, window: window,
            share: share)
    }

    @Test(arguments: StoreKind.allCases)
    func `a submitted request is returned once, and again if nobody has accepted it`(kind: StoreKind) async throws {
        try await kind.with { store in
            _ = try await store.submit([Self.submission("a")])
            #expect(try await store.next(Self.turn()) == [Self.submission("a")])
            #expect(try await store.next(Self.turn(at: 900)) == [])
            #expect(try await store.next(Self.turn(at: 1100)) == [Self.submission("a")])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a handled request is deleted, unless it was submitted again in the meantime`(kind: StoreKind) async throws {
        try await kind.with { store in
            let submissions = [Self.submission("a"), Self.submission("b")]
            _ = try await store.submit(submissions)
            #expect(try await store.next(Self.turn()).count == 2)
            _ = try await store.submit([submissions[1]])
            try await store.forget(submissions.map(\.key))
            #expect(try await store.next(Self.turn(at: 5000)) == [submissions[1]])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a waiting request keeps its deadline, trace and place`(kind: StoreKind) async throws {
        try await kind.with { store in
            let submission = Submission(
                tenant: .default, eventID: "a", body: [1, 0, 255], deadline: Fixture.noon.adding(milliseconds: 60_000),
                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            _ = try await store.accept([], parking: [Parking(submission)])
            #expect(try await store.next(Self.turn()) == [submission])
        }
    }

    private static func parking(
        _ eventID: EventID, body: String = "{}", place: Int64 = 0, isRefused: Bool = false
    ) -> Parking {
        var submission = submission(eventID)
        submission.body = Array(body.utf8)
        submission.place = place
        return Parking(
            submission, digest: BodyDigest(value: UInt128(body.utf8.count)), isRefused: isRefused)
    }

    @Test(arguments: StoreKind.allCases)
    func `a request that is parked twice waits once, and a redelivery of an accepted one does not wait`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let offers = [Self.parking("a", place: 1), Self.parking("known", place: 2)]
            let known = Arrival(
                snapshot: Fixture.snapshot("known", tenant: TenantID(rawValue: "acme")), origin: offers[1].origin)
            let first = try await store.accept([known], parking: offers)
            #expect(first.parked == [.waits, .redelivered(known.snapshot)])
            let second = try await store.accept([], parking: offers + [Self.parking("a", place: 9)])
            #expect(second.parked == [.waits, .redelivered(known.snapshot), .waits])
            #expect(try await store.next(Self.turn()) == [offers[0].submission])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a copy of an accepted request waits for its turn like a request`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot("a", tenant: TenantID(rawValue: "acme"))
            _ = try await store.accept([Arrival(snapshot: snapshot, origin: Self.parking("a", place: 1).origin)])
            let copy = Self.parking("a", place: 2)
            #expect(try await store.accept([], parking: [copy, copy]).parked == [.waits, .waits])
            #expect(try await store.next(Self.turn()) == [copy.submission])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `another body under an id that waits or was accepted is not stored, and the first one stays`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot("b", tenant: TenantID(rawValue: "acme"))
            _ = try await store.accept([Arrival(snapshot: snapshot, origin: Self.parking("b").origin)])
            let first = try await store.accept(
                [],
                parking: [
                    Self.parking("a"), Self.parking("a", body: "another"), Self.parking("b", body: "another"),
                    Self.parking("b", body: "another", isRefused: true),
                ])
            #expect(first.parked == [.waits, .reused, .reused, .reused])
            #expect(try await store.accept([], parking: [Self.parking("a", body: "[]")]).parked == [.reused])
            #expect(try await store.next(Self.turn()) == [Self.submission("a")])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a refused request is not stored, unless it waits or was accepted before`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot("known", tenant: TenantID(rawValue: "acme"))
            let known = Self.parking("known", place: 3, isRefused: true)
            _ = try await store.accept(
                [Arrival(snapshot: snapshot, origin: known.origin)], parking: [Self.parking("waits")])
            let parked = try await store.accept(
                [], parking: [Self.parking("new", isRefused: true), Self.parking("waits", isRefused: true), known])
            #expect(parked.parked == [.refused, .waits, .redelivered(snapshot)])
            #expect(try await store.next(Self.turn()) == [Self.submission("waits")])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `waiting requests are counted by tenant and in total, up to a limit, by lane`(kind: StoreKind) async throws {
        try await kind.with { store in
            _ = try await store.submit((0..<5).map { Self.submission("\($0)", "one") })
            _ = try await store.submit((0..<2).map { Self.submission("\($0)", "two") })
            _ = try await store.submit([Self.submission("bulk", "one", lane: .bulk)])
            let (one, none) = (TenantID(rawValue: "one"), TenantID(rawValue: "none"))
            var count = try await store.waiting(
                of: [one, none], in: .interactive, atMost: WaitingLimits(ofTenant: 9, ofAll: 9))
            #expect(count == WaitingCount(tenants: [one: 5, none: 0], all: 7))
            let limits = WaitingLimits(ofTenant: 3, ofAll: 6)
            count = try await store.waiting(of: [one], in: .interactive, atMost: limits)
            #expect(count == WaitingCount(tenants: [one: 3], all: 6))
            _ = try await store.next(Self.turn(window: 4))
            count = try await store.waiting(of: [one], in: .interactive, atMost: WaitingLimits(ofTenant: 9, ofAll: 9))
            #expect(count.all == 3)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `tenants take turns by weight, and by what they have under way`(kind: StoreKind) async throws {
        try await kind.with { store in
            let tenants = ["one", "two", "five"].map { TenantID(rawValue: $0) }
            for (tenant, weight) in zip(tenants, [1, 2, 5]) { try await store.setWeight(weight, of: tenant) }
            for tenant in tenants {
                _ = try await store.submit((0..<60).map { Self.submission("\($0)", tenant.rawValue) })
            }
            for _ in 0..<2 {
                let taken = try await store.next(Self.turn(limit: 40))
                #expect(tenants.map { tenant in taken.count { $0.tenant == tenant } } == [5, 10, 25])
            }
            let occupancy = try await store.occupancy(of: [TenantID(rawValue: "new")], Self.turn(limit: 100))
            #expect(tenants.map { occupancy.tenants[$0]?.underWay } == [10, 20, 50])
            #expect(tenants.map { occupancy.tenants[$0]?.waiting } == [50, 40, 10])
            #expect(tenants.map { occupancy.tenants[$0]?.weight } == [1, 2, 5])
            #expect(occupancy.tenants[TenantID(rawValue: "new")] == Occupancy.Tenant())
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `with a full window each tenant has its share`(kind: StoreKind) async throws {
        try await kind.with { store in
            _ = try await store.accept((0..<5).map { Arrival(snapshot: Fixture.snapshot("\($0)")) })
            _ = try await store.submit((0..<9).map { Self.submission("\($0)", "default") })
            _ = try await store.submit((0..<9).map { Self.submission("\($0)") })
            let taken = try await store.next(Self.turn(window: 5, share: 2))
            #expect(taken.map(\.tenant.rawValue) == ["acme", "acme"])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a request that is cancelled or past its deadline needs no turn`(kind: StoreKind) async throws {
        try await kind.with { store in
            _ = try await store.accept([Arrival(snapshot: Fixture.snapshot("open"))])
            var late = Self.submission("late")
            late.deadline = Fixture.noon.adding(milliseconds: 100)
            _ = try await store.accept(
                [], parking: [late, Self.submission("unwanted"), Self.submission("wanted")].map { Parking($0) })
            #expect(try await store.next(Self.turn(window: 1)) == [])
            #expect(try await store.cancelWaiting("unwanted", of: nil, at: Fixture.noon) == [late.tenant])
            var unwanted = Self.submission("unwanted")
            unwanted.isCancelled = true
            #expect(try await store.next(Self.turn(at: 1, window: 1)) == [unwanted])
            #expect(try await store.next(Self.turn(at: 100, window: 1)) == [late])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `what waits for several tenants under one id is cancelled for one that is named`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            _ = try await store.submit([Self.submission("a", "one"), Self.submission("a", "two")])
            #expect(try await store.cancelWaiting("a", of: nil, at: Fixture.noon).count == 2)
            let one = TenantID(rawValue: "one")
            #expect(try await store.cancelWaiting("a", of: one, at: Fixture.noon) == [one])
            let taken = try await store.next(Self.turn())
            #expect(taken.filter(\.isCancelled).map(\.tenant) == [one])
            #expect(try await store.cancelWaiting("a", of: nil, at: Fixture.noon) == [])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a tenant that floods waits behind its own requests`(kind: StoreKind) async throws {
        try await kind.with { store in
            _ = try await store.submit((0..<50).map { Self.submission("flood-\($0)", "flooding") })
            for tenant in 0..<10 { _ = try await store.submit([Self.submission("quiet", "quiet-\(tenant)")]) }
            let first = try await store.next(Self.turn(limit: 11))
            #expect(first.count { $0.eventID == "quiet" } == 10)
            let second = try await store.next(Self.turn(limit: 11))
            #expect(second.allSatisfy { $0.tenant.rawValue == "flooding" } && second.count == 11)
        }
    }

    @Test func `several decomposers that dequeue at once never get the same request`() async throws {
        try await TestDatabase.with { database in
            let stores = (0..<4).map { _ in PostgresStore(database.settings) }
            _ = try await stores[0].submit((0..<200).map { Self.submission("\($0)") })
            var taken = try await withThrowingTaskGroup(of: [Submission].self) { group in
                for store in stores {
                    group.addTask {
                        var taken: [Submission] = []
                        for _ in 0..<20 { taken += try await store.next(Self.turn(limit: 10, window: 1000)) }
                        return taken
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            taken += try await stores[0].next(Self.turn(limit: 200, window: 1000))
            #expect(taken.map(\.eventID).sorted() == (0..<200).map { "\($0)" }.sorted())
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `no more requests are dequeued than the window has room for`(kind: StoreKind) async throws {
        try await kind.with { store in
            _ = try await store.accept([Arrival(snapshot: Fixture.snapshot("open"))])
            _ = try await store.submit((0..<9).map { Self.submission("\($0)") })
            #expect(try await store.next(Self.turn(window: 5)).count == 4)
            #expect(try await store.next(Self.turn(window: 5)).isEmpty)
            #expect(try await store.next(Self.turn(limit: 2, window: 50)).count == 2)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a lane has a window of its own, and waits for no other`(kind: StoreKind) async throws {
        try await kind.with { store in
            _ = try await store.submit((0..<9).map { Self.submission("bulk-\($0)", lane: .bulk) })
            _ = try await store.submit([Self.submission("now")])
            let bulk = try await store.next(Self.turn(.bulk, window: 4))
            #expect(bulk.count == 4 && bulk.allSatisfy { $0.lane == .bulk })
            #expect(try await store.next(Self.turn(.bulk, window: 4)) == [])
            #expect(try await store.next(Self.turn(window: 1)) == [Self.submission("now")])
            var open = Fixture.snapshot(bulk[0].eventID, tenant: TenantID(rawValue: "acme"))
            open.lane = .bulk
            _ = try await store.accept([Arrival(snapshot: open)])
            try await store.forget([bulk[0].key])
            #expect(try await store.next(Self.turn(.bulk, window: 4)) == [])
            #expect(try await store.next(Self.turn(.bulk, window: 5)).count == 1)
        }
    }
}
