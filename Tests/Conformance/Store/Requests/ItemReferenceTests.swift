import Contracts
import Store
import Testing

@testable import PostgresStore

/// Items that take their texts from answers, as the stores keep them.
@Suite struct ItemReferenceTests {
    private static let pending = Item(text: "", from: ItemReference(step: 0, item: 0))
    private static let filled = Item(
        text: "taken \u{0}", span: Item.Span(0, 7), from: ItemReference(step: 0, item: 0))

    private static func snapshot(_ eventID: EventID = "event") -> RequestSnapshot {
        Fixture.snapshot(
            eventID,
            steps: [
                Fixture.step(0), Fixture.step(1, items: [pending, Item(text: "own")], state: .waiting, dependsOn: [0]),
                Fixture.step(2, items: [pending], state: .waiting, dependsOn: [0]),
            ])
    }

    /// Answers the first step, releases the second one with its text, and cancels the third.
    private static func release(_ snapshot: RequestSnapshot) -> RequestChange {
        var steps = snapshot.steps
        steps[0].state = .answered
        steps[0].answers = [Fixture.answer()]
        steps[1].state = .dispatched
        steps[1].items[0] = filled
        steps[2].state = .cancelled
        return RequestChange(request: snapshot.id, updatedSteps: steps, progressedAt: Fixture.noon)
    }

    @Test(arguments: StoreKind.allCases)
    func `an item shows what it waits for, and its text is stored with the release of its step`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let snapshot = Self.snapshot()
            #expect(try await store.accept([Arrival(snapshot: snapshot)]) == [Acceptance(.new, snapshot)])
            #expect(try await store.snapshots(of: [snapshot.id]) == [snapshot])
            let after = try await store.update([snapshot.id]) { $0.map(Self.release) }
            #expect(
                after.first?.steps.map(\.items) == [
                    [Item(text: "first")], [Self.filled, Item(text: "own")], [Self.pending],
                ])
            // After a crash, the step is emitted from what is read here.
            #expect(try await store.snapshots(of: [snapshot.id]) == after)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a stored text stays as it is, also when another request of the batch takes its texts`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let (one, other) = (Self.snapshot("1"), Self.snapshot("2"))
            _ = try await store.accept([Arrival(snapshot: one), Arrival(snapshot: other)])
            let released = try await store.update([one.id]) { $0.map(Self.release) }
            let after = try await store.update([one.id, other.id]) { before in
                before.map { snapshot in
                    guard snapshot.id == one.id else { return Self.release(snapshot) }
                    var step = snapshot.steps[1]
                    step.items[0].text = "another"
                    step.state = .answered
                    step.answers = [Fixture.answer(), Fixture.answer()]
                    return RequestChange(request: one.id, updatedSteps: [step], progressedAt: Fixture.noon)
                }
            }
            #expect(after.first { $0.id == one.id }?.steps.map(\.items) == released.first?.steps.map(\.items))
            #expect(after.first { $0.id == other.id }?.steps[1].items.first == Self.filled)
            #expect(try await store.snapshots(of: [one.id, other.id]) == after)
        }
    }

    @Test func `the aggregator may store texts, and no other service changes items`() async throws {
        try await TestDatabase.with { database in
            try await database.run(
                "DO $$ BEGIN GRANT winnow_aggregator TO CURRENT_USER; EXCEPTION WHEN OTHERS THEN NULL; END $$")
            let snapshot = Self.snapshot()
            _ = try await PostgresStore(database.settings).accept([Arrival(snapshot: snapshot)])
            let aggregator = PostgresStore(
                database.settings.options([(name: "role", value: "winnow_aggregator")]))
            let after = try await aggregator.update([snapshot.id]) { $0.map(Self.release) }
            #expect(after.first?.steps[1].items.first == Self.filled)
            for role in ["winnow_decomposer", "winnow_escalator"] {
                let error = await #expect(throws: StoreError.self) {
                    try await database.run("SET ROLE \(role); UPDATE winnow.step SET items = '[]'")
                }
                #expect((error?.underlying as? PostgresFault)?.sqlState == "42501")
            }
        }
    }
}
