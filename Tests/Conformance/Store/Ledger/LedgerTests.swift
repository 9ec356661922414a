import Contracts
import Store
import Testing

@Suite struct LedgerTests {
    private static func call(
        _ request: Request.ID, number: Int = 0, kind: Attempt.Kind = .full, step: Int = 0
    ) -> LedgerEntry {
        Fixture.entry(request, step: step, number: number, kind: kind, state: .started, cost: 1000)
    }

    @Test(arguments: StoreKind.allCases)
    func `calls are numbered after what the ledger holds and what they were given`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot(steps: [Fixture.step(0), Fixture.step(1)])
            let other = Fixture.id()
            _ = try await store.accept([Arrival(snapshot: snapshot, entries: [Fixture.entry(snapshot.id)])])
            let calls = [
                Self.call(snapshot.id, step: 1), Self.call(snapshot.id), Self.call(other, number: 5),
                Self.call(snapshot.id),
            ]
            let started = try await store.start(calls)
            #expect(started.map(\.attempt.number) == [1, 2, 5, 3])
            #expect(started.map(\.step.ordinal) == [1, 0, 0, 0])
            #expect(try await store.ledger(of: other) == [started[2]])
            let ledger = try await store.ledger(of: snapshot.id)
            #expect(ledger.map(\.attempt.state) == [.settled, .started, .started, .started])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a call that was started and never settled is unknown once the step is called again`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let request = Fixture.id()
            let lost = try await store.start([Self.call(request)])
            let shadow = try await store.start([Self.call(request, kind: .shadow)])
            let second = try await store.start([Self.call(request)])
            #expect(second.map(\.attempt.number) == [3])
            let ledger = try await store.ledger(of: request)
            #expect(ledger.map(\.attempt.state) == [.unknown, .started, .started])
            #expect(ledger.map(\.cost) == [PicoDollars(1000), PicoDollars(1000), PicoDollars(1000)])
            #expect(lost.count + shadow.count == 2)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a call that nobody settles is unknown after a while, and keeps its price`(kind: StoreKind) async throws {
        try await kind.with { store in
            let lost = Fixture.id(), settled = Fixture.id()
            // A minute ago by the store's clock.
            let calls = try await store.start([Self.call(lost), Self.call(settled)]) { call, instant in
                var call = call
                call.attempt.startedAt = instant.adding(milliseconds: -60_000)
                return call
            }
            #expect(try await store.abandonCalls(olderThan: .seconds(3600), limit: 10) == [])
            var done = calls[1]
            done.attempt.state = .settled
            try await store.settle([done])
            #expect(try await store.abandonCalls(olderThan: .seconds(59), limit: 10) == [lost])
            #expect(try await store.abandonCalls(olderThan: .seconds(59), limit: 10) == [])
            let row = try #require(try await store.ledger(of: lost).first)
            #expect(row.attempt.state == .unknown)
            #expect(row.cost == PicoDollars(1000))
            #expect(try await store.ledger(of: settled).map(\.attempt.state) == [.settled])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a settled call is what it really was`(kind: StoreKind) async throws {
        try await kind.with { store in
            let request = Fixture.id()
            var calls = try await store.start([Self.call(request), Self.call(request, step: 3)])
            calls[0].attempt.state = .settled
            calls[0].cost = PicoDollars(7)
            calls[0].attempt.usage.inputTokens = 99
            calls[1].attempt.state = .failed
            calls[1].attempt.error = "timeout: no answer within 30 s"
            for _ in 0..<2 { try await store.settle(calls) }
            try await store.settle([])
            #expect(try await store.ledger(of: request) == calls)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `started calls are in the totals of a request that ends`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            _ = try await store.start([Self.call(snapshot.id, number: 2)])
            let after = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(after.first?.totals.cost == PicoDollars(1010))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `totals that are too large stop at the largest number`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            var calls = [Self.call(snapshot.id), Self.call(snapshot.id)]
            for index in calls.indices {
                calls[index].cost = PicoDollars(.max)
                calls[index].attempt.usage = TokenUsage(inputTokens: .max, outputTokens: .max, flops: .max)
            }
            _ = try await store.start(calls)
            let after = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(after.first?.totals.cost == PicoDollars(.max))
            #expect(after.first?.totals.usage == TokenUsage(inputTokens: .max, outputTokens: .max, flops: .max))
            #expect(try await store.snapshots(of: [snapshot.id]) == after)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `concurrent calls of one step have numbers of their own`(kind: StoreKind) async throws {
        try await kind.with { store in
            let request = Fixture.id()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { _ = try await store.start([Self.call(request)]) } }
                try await group.waitForAll()
            }
            #expect(try await store.ledger(of: request).map(\.attempt.number) == [1, 2, 3, 4])
        }
    }
}
