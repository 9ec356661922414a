import Contracts
import Planning
import Store
import TestKit
import Testing

@testable import Aggregator

/// Items that take their texts from answers of other steps.
struct ItemTextsTests {
    private func change(_ snapshot: RequestSnapshot, _ outcomes: Outcome...) -> RequestChange {
        var progress = RequestProgress(snapshot, now: Fixture.now)
        for outcome in outcomes { progress.settle(outcome, pricing: PriceList(Fixture.prices)) }
        return progress.change()
    }

    private func waiting(_ ordinal: Int, _ items: [Item]) -> Step {
        Step(
            ordinal: ordinal, route: Fixture.issue, items: items, dependsOn: items.compactMap(\.from?.step),
            state: .waiting)
    }

    private func item(_ step: Int, _ index: Int = 0, _ select: ItemReference.Selection = .output) -> Item {
        Item(text: "", from: ItemReference(step: step, item: index, select: select))
    }

    private func answered(_ step: Int, _ outputs: Answer.Output...) -> Outcome {
        Fixture.answered(
            step, Fixture.clause,
            outputs.map { Answer($0, confidence: 0, evidence: .none, decidedBy: .full, model: "full@1") })
    }

    @Test func `a released step has the texts of the answers, and still names them`() {
        let snapshot = Fixture.snapshot([
            Fixture.step(0, Fixture.clause, ["a", "b", "c"]),
            waiting(1, [item(0, 1), item(0, 0), item(0, 2), item(0, 0, .label)]),
        ])
        let change = change(snapshot, answered(0, .label("x"), .text("e\u{301} \u{0}"), .json(#"{"y":[1]}"#)))
        let step = change.updatedSteps.last
        #expect(step?.state == .dispatched)
        #expect(step?.items.map(\.text) == ["e\u{301} \u{0}", "x", #"{"y":[1]}"#, "x"])
        #expect(step?.items.map(\.span) == [Item.Span(0, 4), Item.Span(0, 1), Item.Span(0, 9), Item.Span(0, 1)])
        #expect(step?.items.map(\.from) == snapshot.steps[1].items.map(\.from))
        #expect(step?.items.contains(where: \.isPending) == false)
    }

    @Test func `a step waits for its texts until all of its sources are answered`() {
        let snapshot = Fixture.snapshot([Fixture.step(0), Fixture.step(1), waiting(2, [item(0), item(1)])])
        #expect(change(snapshot, Fixture.answered(0)).updatedSteps.map(\.ordinal) == [0])
    }

    @Test func `a degraded answer gives its text too`() {
        var degraded = Fixture.answer("guess")
        degraded.isDegraded = true
        let change = change(
            Fixture.snapshot([Fixture.step(0), waiting(1, [item(0)])]),
            Fixture.answered(0, Fixture.clause, [degraded]))
        #expect(change.updatedSteps.last?.items.map(\.text) == ["guess"])
    }

    @Test func `an item in a language that nobody understands gives no text`() {
        let change = change(
            Fixture.snapshot([Fixture.step(0), waiting(1, [item(0)])]),
            Fixture.answered(0, Fixture.clause, [.inUnsupportedLanguage]))
        #expect(change.updatedSteps.map(\.state) == [.answered, .failed])
        #expect(change.error == "items[0] takes its text from an answer that has none")
    }

    @Test(arguments: ["", " \n\u{2003}"])
    func `an empty text fails the step, and cancels what depends on it`(text: String) {
        let snapshot = Fixture.snapshot([
            waiting(0, [item(1)]), waiting(1, [Item(text: "a"), item(2)]), Fixture.step(2), Fixture.step(3),
        ])
        let change = change(snapshot, answered(2, .text(text)))
        #expect(change.updatedSteps.map(\.state) == [.cancelled, .failed, .answered])
        #expect(change.updatedSteps[1].error == "items[1] takes its text from an answer that is empty")
        #expect(change.updatedSteps[1].items == snapshot.steps[1].items)
        #expect(change.state == nil)
    }

    @Test(arguments: [Answer.Output.text("CANARY"), .json("\"CANARY\"")])
    func `a label of an answer that has none fails the step`(output: Answer.Output) {
        let change = change(
            Fixture.snapshot([Fixture.step(0), waiting(1, [item(0, 0, .label)])]), answered(0, output))
        #expect(change.updatedSteps.last?.state == .failed && change.state == .failed)
        #expect(change.error == "items[0] takes its text from an answer that has none")
    }

    /// Written as JSON, a text has two quotation marks more.
    @Test(arguments: [(Limits.takenBytes / 4 - 2, true), (Limits.takenBytes / 4 - 1, false)])
    func `the texts that a request takes from its answers have a limit together`(count: Int, fits: Bool) {
        let snapshot = Fixture.snapshot([
            Fixture.step(0), waiting(1, [item(0), item(0)]), waiting(2, [item(0), item(0)]),
        ])
        let change = change(snapshot, answered(0, .text(String(repeating: "x", count: count))))
        #expect(change.updatedSteps.map(\.state) == [.answered, .dispatched, fits ? .dispatched : .failed])
        let error = change.updatedSteps[2].error
        #expect((error == nil) == fits && error?.contains("xx") != true)
    }

    @Test func `a text that needs escapes counts as it is written`() {
        let change = change(
            Fixture.snapshot([Fixture.step(0), waiting(1, [item(0)])]),
            answered(0, .text(String(repeating: "\u{1}", count: Limits.takenBytes / 6 + 1))))
        #expect(change.updatedSteps.last?.state == .failed)
    }

    @Test func `a source that was not answered cancels the step, which still says what it waited for`() {
        let snapshot = Fixture.snapshot([Fixture.step(0), waiting(1, [item(0)])])
        let change = change(snapshot, Fixture.failed(0))
        #expect(change.updatedSteps.map(\.state) == [.failed, .cancelled])
        #expect(change.updatedSteps.last?.items == [item(0)])
        var expired = RequestProgress(snapshot, now: Fixture.now)
        expired.expire()
        #expect(expired.change().updatedSteps.last?.items == [item(0)])
    }
}
