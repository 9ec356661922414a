import Contracts
import Store
import Testing

@Suite struct AcceptTests {
    @Test(arguments: StoreKind.allCases)
    func `a stored request is read back whole`(kind: StoreKind) async throws {
        try await kind.with { store in
            var snapshot = Fixture.snapshot(
                deadline: Fixture.noon.adding(milliseconds: 60_000),
                steps: [
                    Fixture.step(
                        0, items: [Item(text: "a", span: Item.Span(3, 4)), Item(text: "b", span: nil, source: "x.txt")]),
                    Fixture.step(1, state: .waiting, dependsOn: [0]),
                    Fixture.step(2, state: .waiting, dependsOn: [0, 1]),
                ])
            snapshot.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            snapshot.channel = .human
            snapshot.lane = .bulk
            snapshot.steps[0].guesses = [nil, Fixture.answer("legal-services/clause-type,security-services/payload")]
            let accepted = try await store.accept([Arrival(snapshot: snapshot)])
            #expect(accepted == [Acceptance(.new, snapshot)])
            #expect(try await store.snapshots(of: [snapshot.id]) == [snapshot])
            // They belong to the state, so a later re-drive carries them again.
            let after = try await store.update([snapshot.id]) { snapshots in
                snapshots.map { snapshot in
                    var step = snapshot.steps[0]
                    step.answers = [Fixture.answer(), nil]
                    return RequestChange(request: snapshot.id, updatedSteps: [step], progressedAt: Fixture.noon)
                }
            }
            #expect(after.first?.steps[0].guesses == snapshot.steps[0].guesses)
            #expect(try await store.snapshots(of: [snapshot.id]) == after)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a stored request with an unknown channel has none`(kind: StoreKind) async throws {
        try await kind.with { store in
            var snapshot = Fixture.snapshot(state: .rejected, steps: [])
            snapshot.channel = nil
            snapshot.error = "not_json: the record is not JSON"
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            #expect(try await store.snapshots(of: [snapshot.id]) == [snapshot])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a known event id gives the earlier request`(kind: StoreKind) async throws {
        try await kind.with { store in
            let first = Fixture.snapshot()
            let second = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: first, entries: [Fixture.entry(first.id)])])
            let accepted = try await store.accept([
                Arrival(snapshot: second, entries: [Fixture.entry(second.id)]),
                Arrival(snapshot: Fixture.snapshot("other")),
            ])
            #expect(accepted.map(\.snapshot.eventID) == ["event", "other"])
            #expect(accepted.first == Acceptance(.redelivered, first))
            #expect(try await store.snapshots(of: [second.id]) == [])
            #expect(try await store.ledger(of: second.id) == [])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `an arrival that is repeated is stored once`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            let arrival = Arrival(snapshot: snapshot, entries: [Fixture.entry(snapshot.id)])
            for kind in [Acceptance.Kind.new, .redelivered, .redelivered] {
                let accepted = try await store.accept([arrival])
                #expect(accepted == [Acceptance(kind, snapshot)])
            }
            #expect(try await store.ledger(of: snapshot.id).count == 1)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `two arrivals of one event in one batch are one request`(kind: StoreKind) async throws {
        try await kind.with { store in
            let first = Fixture.snapshot()
            let second = Fixture.snapshot()
            let accepted = try await store.accept([
                Arrival(snapshot: first, entries: [Fixture.entry(first.id)]),
                Arrival(snapshot: second, entries: [Fixture.entry(second.id)]), Arrival(snapshot: first),
            ])
            #expect(accepted.map(\.snapshot) == [first, first, first])
            #expect(accepted.map(\.kind) == [.new, .redelivered, .redelivered])
            #expect(try await store.snapshots(of: [first.id, second.id]) == [first])
            #expect(try await store.ledger(of: second.id) == [])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `one event id of two tenants is two requests`(kind: StoreKind) async throws {
        try await kind.with { store in
            let first = Fixture.snapshot(tenant: TenantID(rawValue: "acme"))
            let second = Fixture.snapshot(tenant: TenantID(rawValue: "globex"))
            let accepted = try await store.accept([first, second].map { Arrival(snapshot: $0) })
            #expect(accepted == [first, second].map { Acceptance(.new, $0) })
            #expect(try await store.snapshots(of: [second.id, first.id]).count == 2)
        }
    }

    private static let (body, other) = (BodyDigest(value: 1), BodyDigest(value: .max))

    @Test(arguments: StoreKind.allCases)
    func `a redelivery is told from a copy, and both from another request under the same id`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let first = Fixture.snapshot()
            func arrival(_ digest: BodyDigest?, _ place: Int64?) -> Arrival {
                Arrival(snapshot: Fixture.snapshot(), origin: Origin(digest: digest, place: place))
            }
            let origin = Origin(digest: Self.body, place: .min)
            let batch = try await store.accept([
                Arrival(snapshot: first, origin: origin), arrival(Self.body, 7), arrival(Self.other, .min),
            ])
            #expect(batch.map(\.kind) == [.new, .copy, .reused])
            let later = try await store.accept([
                arrival(Self.body, .min), arrival(Self.body, 7), arrival(Self.other, .min), arrival(Self.other, 7),
                arrival(nil, 7), arrival(Self.body, nil),
            ])
            #expect(later.map(\.kind) == [.redelivered, .copy, .reused, .reused, .copy, .redelivered])
            #expect(later.allSatisfy { $0.snapshot == first })
            let asked = [origin, Origin(digest: Self.other, place: 7)]
            let known = try await store.known(
                asked.map { (key: EventKey(first), origin: $0) }
                    + [(key: EventKey(tenant: .default, eventID: "new"), origin: origin)])
            #expect(known == [Acceptance(.redelivered, first), Acceptance(.reused, first), nil])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a request that was stored without an origin matches every origin`(kind: StoreKind) async throws {
        try await kind.with { store in
            let first = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: first)])
            let again = Arrival(snapshot: Fixture.snapshot(), origin: Origin(digest: Self.body, place: 7))
            #expect(try await store.accept([again]) == [Acceptance(.redelivered, first)])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `ids and tenants that differ in their bytes alone are other requests, in one batch too`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let texts = ["caf\u{E9}", "cafe\u{301}"]
            let snapshots = texts.flatMap { tenant in
                texts.map { Fixture.snapshot(EventID($0), tenant: TenantID(rawValue: tenant)) }
            }
            let accepted = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
            #expect(accepted == snapshots.map { Acceptance(.new, $0) })
            #expect(try await store.snapshots(of: snapshots.map(\.id)).count == 4)
            let others = texts.map { Submission(tenant: .default, eventID: EventID($0), body: [1]) }
            _ = try await store.accept([], parking: others.map { Parking($0) })
            let now = Timestamp.now.adding(milliseconds: 60_000)
            let turn = SubmissionTurn(now: now, resendBefore: now, limit: 9, window: 9)
            #expect(try await Set(store.next(turn).map(\.eventID)) == Set(others.map(\.eventID)))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `an id that another event has is refused with its whole batch`(kind: StoreKind) async throws {
        try await kind.with { store in
            let first = Fixture.snapshot("first")
            var second = Fixture.snapshot("second")
            second.id = first.id
            let third = Fixture.snapshot("third")
            _ = try await store.accept([Arrival(snapshot: first)])
            let error = await #expect(throws: StoreError.self) {
                try await store.accept([Arrival(snapshot: third), Arrival(snapshot: second)])
            }
            #expect(error?.code == .conflict)
            #expect(error?.isRetriable == false)
            let stored = try await store.snapshots(of: [first.id, third.id])
            #expect(stored == [first])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `the ledger of a request that is final on arrival is summed`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot(state: .rejected)
            let entries = [Fixture.entry(snapshot.id, cost: 5), Fixture.entry(snapshot.id, number: 2, cost: 6)]
            let accepted = try await store.accept([Arrival(snapshot: snapshot, entries: entries)])
            #expect(accepted.first?.snapshot.totals.cost == PicoDollars(11))
            #expect(try await store.snapshots(of: [snapshot.id]) == accepted.map(\.snapshot))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `texts keep every character`(kind: StoreKind) async throws {
        try await kind.with { store in
            let texts = [
                "null \u{0} inside", #"quotes " ' \ and {braces}, NULL"#, "line\nfeed\ttab\u{1F}",
                "家族👩‍👩‍👧‍👦 e\u{301} \u{202E}", "", "\u{10FFFF}\u{FFFD}",
            ]
            var step = Fixture.step(items: texts.map { Item(text: $0, source: $0) }, state: .answered)
            step.answers = texts.map { Fixture.answer($0) }
            step.answers[2] = nil
            let snapshot = Fixture.snapshot("évènement \"1\"", tenant: TenantID(rawValue: "ténant, {x}"), steps: [step])
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            #expect(try await store.snapshots(of: [snapshot.id]) == [snapshot])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a plan of 16 steps of 64 items is stored`(kind: StoreKind) async throws {
        try await kind.with { store in
            let items = (0..<64).map { Item(text: String(repeating: "x", count: $0 * 8), span: Item.Span($0, $0 + 1)) }
            let snapshot = Fixture.snapshot(steps: (0..<16).map { Fixture.step($0, items: items) })
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            #expect(try await store.snapshots(of: [snapshot.id]) == [snapshot])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `no arrivals are no work`(kind: StoreKind) async throws {
        try await kind.with { store in
            let accepted = try await store.accept([])
            #expect(accepted == [])
            #expect(try await store.update([]) { _ in [] } == [])
        }
    }
}
