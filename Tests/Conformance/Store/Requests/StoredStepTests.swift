import Certification
import Contracts
import Planning
import Store
import Testing

@testable import PostgresStore

/// Stored steps and sent messages use the same codec.
@Suite struct StoredStepTests {
    @Test(arguments: StoreKind.allCases)
    func `the result of what is stored is the result of what the outcome said, for every field`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            var generator = SeededGenerator(seed: 18)
            for number in 0..<40 {
                let items = (0..<Int.random(in: 1...5, using: &generator)).map { _ in Item.random(using: &generator) }
                let snapshot = Fixture.snapshot("\(number)", steps: [Fixture.step(items: items)])
                _ = try await store.accept([Arrival(snapshot: snapshot)])
                let sent = Outcome(
                    step: 0, route: snapshot.steps[0].route, state: .answered,
                    answers: items.map { _ in Answer.random(using: &generator) })
                let outcome = try Outcome(decoding: sent.encode())
                let decided = try await store.update([snapshot.id]) { before in
                    var step = before[0].steps[0]
                    step.state = .answered
                    step.answers = outcome.answers
                    return [
                        RequestChange(
                            request: snapshot.id, state: .completed, updatedSteps: [step], progressedAt: Fixture.noon)
                    ]
                }
                let stored = try await store.snapshots(of: [snapshot.id])
                #expect(stored.first?.steps.first?.items == items)
                #expect(stored.first?.steps.first?.answers == outcome.answers)
                #expect(stored.map(ResultMessage.encode) == decided.map(ResultMessage.encode))
            }
        }
    }

    @Test func `the property above varies every field that there is`() {
        func fields(_ value: Any) -> [String] { Mirror(reflecting: value).children.compactMap(\.label) }
        var generator = SeededGenerator(seed: 1)
        #expect(
            fields(Answer.random(using: &generator)) == [
                "output", "confidence", "evidence", "decidedBy", "model", "isDegraded", "isTruncated", "isUnfamiliar",
            ])
        #expect(fields(Item.random(using: &generator)) == ["text", "span", "source", "from", "context"])
    }

    @Test func `steps that were stored by the first codec are read as before`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            try await database.run(
                """
                UPDATE winnow.step SET answers = '[{"label":"x","confidence":0.5,"decided_by":"full","model":"m@1"},null]'
                """)
            #expect(
                try await store.snapshots(of: [snapshot.id]).first?.steps.first?.answers == [
                    Answer(.label("x"), confidence: 0.5, decidedBy: .full, model: "m@1"), nil,
                ])
        }
    }

    @Test func `items that were stored before items could name answers are read as before`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            try await database.run(#"UPDATE winnow.step SET items = '[{"text":"a","span":[3,4],"source":"b"}]'"#)
            #expect(
                try await store.snapshots(of: [snapshot.id]).first?.steps.first?.items == [
                    Item(text: "a", span: Item.Span(3, 4), source: "b")
                ])
        }
    }

    @Test func `a stored step that cannot be read is a fault of the store`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            try await database.run(#"UPDATE winnow.step SET items = '[{"span":[1]}]'"#)
            let error = await #expect(throws: StoreError.self) {
                _ = try await store.snapshots(of: [snapshot.id])
            }
            #expect(error?.isRetriable == false)
        }
    }
}

extension Answer {
    fileprivate static func random(using generator: inout some RandomNumberGenerator) -> Answer {
        let text = ["x", "a,b", "none", "é \"quoted\" \u{0}"].randomElement(using: &generator) ?? "x"
        let json = ["null", "[1,{\"é\":false}]", "18446744073709551615", "\"\\u0000\""].randomElement(using: &generator)
        let outputs: [Output] = [.label(text), .text(text), .json(json ?? "0")]
        let evidence: [Evidence] = [.measured, .sampled, .selfReported, .none]
        let source = evidence.randomElement(using: &generator) ?? .measured
        return Answer(
            outputs.randomElement(using: &generator) ?? .label(text),
            confidence: source == .none ? 0 : Double(Int.random(in: 0...1_000_000, using: &generator)) / 1e6,
            evidence: source, decidedBy: Bool.random(using: &generator) ? .worker : .full,
            model: ["small@7", "full@1+ab", ""].randomElement(using: &generator) ?? "",
            isDegraded: Bool.random(using: &generator), isTruncated: Bool.random(using: &generator),
            isUnfamiliar: Bool.random(using: &generator))
    }
}

extension Item {
    fileprivate static func random(using generator: inout some RandomNumberGenerator) -> Item {
        let start = Int.random(in: 0...9, using: &generator)
        return Item(
            text: ["a", "", "👩🏽‍🚀\u{0}\n", "漢字"].randomElement(using: &generator) ?? "a",
            span: Bool.random(using: &generator) ? Item.Span(start, start + 3) : nil,
            source: Bool.random(using: &generator) ? "contract.md" : nil,
            from: Bool.random(using: &generator)
                ? ItemReference(step: start, item: 63 - start, select: start < 5 ? .label : .output) : nil,
            context: Bool.random(using: &generator)
                ? ItemContext(
                    before: "\u{0}\n", after: "漢字", request: Bool.random(using: &generator) ? "Please check:" : nil)
                : nil)
    }
}
