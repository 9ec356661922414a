import Contracts
import Store
import Synchronization
import Testing

@Suite struct UpdateTests {
    private struct Refused: Error, Equatable {}

    @Test(arguments: StoreKind.allCases)
    func `known requests are handed over in ascending order`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshots = (0..<20).map { Fixture.snapshot("\($0)") }
            _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
            let ids = snapshots.map(\.id).shuffled() + [Fixture.id(), snapshots[3].id]
            let handed = Mutex<[Request.ID]>([])
            let after = try await store.update(ids) { before in
                handed.withLock { $0 = before.map(\.id) }
                return []
            }
            #expect(handed.withLock { $0 } == snapshots.map(\.id).sorted())
            #expect(after.map(\.id) == snapshots.map(\.id).sorted())
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a change is written and given back`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let after = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(after.first?.state == .completed)
            #expect(after.first?.steps.first?.answers == [Fixture.answer()])
            #expect(after.first?.progressedAt == Fixture.noon.adding(milliseconds: 500))
            #expect(after.first?.totals == .sum([Fixture.entry(snapshot.id)]))
            #expect(try await store.snapshots(of: [snapshot.id]) == after)
            #expect(try await store.ledger(of: snapshot.id) == [Fixture.entry(snapshot.id)])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a settled routing stores the parts of the items that it has cut`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            var routed = snapshot.steps[0]
            routed.state = .answered
            routed.items = [Item(text: "fi", span: Item.Span(0, 2)), Item(text: "rst", span: Item.Span(2, 5))]
            routed.answers = [Fixture.answer("none"), Fixture.answer("none")]
            let change = RequestChange(request: snapshot.id, updatedSteps: [routed], progressedAt: Fixture.noon)
            let after = try await store.update([snapshot.id]) { _ in [change] }
            #expect(after.first?.steps.first == routed)
            #expect(try await store.snapshots(of: [snapshot.id]) == after)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a settled routing adds steps`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let added = [Fixture.step(2, state: .waiting, dependsOn: [1]), Fixture.step(1)]
            var routed = snapshot.steps[0]
            routed.state = .answered
            routed.answers = [Fixture.answer("legal-services/clause-type")]
            let change = RequestChange(
                request: snapshot.id, newSteps: added, updatedSteps: [routed], progressedAt: Fixture.noon)
            // The second time adds nothing.
            for _ in 0..<2 {
                let after = try await store.update([snapshot.id]) { _ in [change] }
                #expect(after.first?.steps == [routed, added[1], added[0]])
                #expect(try await store.snapshots(of: [snapshot.id]) == after)
            }
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `totals are summed when a request becomes final, and whenever its ledger changes after that`(kind: StoreKind)
        async throws
    {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot, entries: [Fixture.entry(snapshot.id, cost: 1)])])
            let progress = RequestChange(
                request: snapshot.id, entries: [Fixture.entry(snapshot.id, number: 2, cost: 10)],
                progressedAt: Fixture.noon)
            #expect(try await store.update([snapshot.id]) { _ in [progress] }.first?.totals == .zero)
            let end = RequestChange(
                request: snapshot.id, state: .failed, error: "no model answered",
                entries: [Fixture.entry(snapshot.id, number: 3, cost: 100)], progressedAt: Fixture.noon)
            let after = try await store.update([snapshot.id]) { _ in [end] }
            #expect(after.first?.totals.cost == PicoDollars(111))
            #expect(after.first?.totals.counterfactualCost == PicoDollars(777))
            #expect(after.first?.totals.usage == TokenUsage(inputTokens: 60, outputTokens: 3, flops: 3_000_000))
            let late = RequestChange(
                request: snapshot.id, entries: [Fixture.entry(snapshot.id, number: 4)], progressedAt: Fixture.noon)
            #expect(try await store.update([snapshot.id]) { _ in [late] }.first?.totals.cost == PicoDollars(121))
            #expect(try await store.ledger(of: snapshot.id).count == 4)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `totals are summed anew when a final state is written again`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            var costs: [PicoDollars?] = []
            for (number, cost) in [(1, 1), (2, 10)] as [(Int, Int64)] {
                let end = RequestChange(
                    request: snapshot.id, state: .completed,
                    entries: [Fixture.entry(snapshot.id, number: number, cost: cost)], progressedAt: Fixture.noon)
                costs.append(try await store.update([snapshot.id]) { _ in [end] }.first?.totals.cost)
            }
            #expect(costs == [PicoDollars(1), PicoDollars(11)])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `an attempt that is written again stays as it was`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            for cost in [10, 20] as [Int64] {
                let entry = Fixture.entry(snapshot.id, cost: cost)
                let change = RequestChange(
                    request: snapshot.id, entries: [entry, entry], progressedAt: Fixture.noon)
                _ = try await store.update([snapshot.id]) { _ in [change] }
            }
            #expect(try await store.ledger(of: snapshot.id) == [Fixture.entry(snapshot.id, cost: 10)])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `nothing is written when the transition throws`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            await #expect(throws: Refused()) {
                _ = try await store.update([snapshot.id]) { _ in throw Refused() }
            }
            #expect(try await store.snapshots(of: [snapshot.id]) == [snapshot])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `changes that the snapshots do not allow are refused together`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshots = [Fixture.snapshot("1"), Fixture.snapshot("2", state: .rejected)]
            _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
            let refused = [
                RequestChange(request: Fixture.id(), progressedAt: Fixture.noon),
                RequestChange(request: snapshots[0].id, updatedSteps: [Fixture.step(7)], progressedAt: Fixture.noon),
                RequestChange(request: snapshots[1].id, state: .completed, progressedAt: Fixture.noon),
            ]
            for change in refused {
                let error = await #expect(throws: StoreError.self) {
                    _ = try await store.update(snapshots.map(\.id)) { before in
                        [Fixture.completion(of: before[0]), change]
                    }
                }
                #expect(error?.isRetriable == false)
            }
            #expect(try await store.snapshots(of: snapshots.map(\.id)) == snapshots.sorted { $0.id < $1.id })
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `concurrent updates of one request follow each other`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot(steps: (0..<8).map { Fixture.step($0) })
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for ordinal in 0..<8 {
                    group.addTask {
                        _ = try await store.update([snapshot.id]) { before in
                            var step = before[0].steps[ordinal]
                            step.state = .answered
                            let isLast = before[0].steps.count { $0.state == .answered } == 7
                            return [
                                RequestChange(
                                    request: snapshot.id, state: isLast ? .completed : nil, updatedSteps: [step],
                                    entries: [Fixture.entry(snapshot.id, step: ordinal)], progressedAt: Fixture.noon)
                            ]
                        }
                    }
                }
                try await group.waitForAll()
            }
            let after = try await store.snapshots(of: [snapshot.id])
            #expect(after.first?.state == .completed)
            #expect(after.first?.totals.cost == PicoDollars(80))
        }
    }
}
