import Contracts
import Planning
import Store
import TestKit
import Testing

@testable import Aggregator

/// The steps for items that the full model has routed.
struct RoutingExpansionTests {
    private static let clauseLabel = "legal-services/clause-type"
    private static let issueLabel = "software-development/issue-type"

    private func change(_ snapshot: RequestSnapshot, _ answers: [Answer?]) -> RequestChange {
        var progress = RequestProgress(snapshot, now: Fixture.now)
        progress.settle(
            Fixture.answered(0, .decomposition, answers, attempts: []), pricing: PriceList())
        return progress.change()
    }

    private func full(_ label: String) -> Answer { Fixture.answer(label, .full) }

    @Test func `routed items become steps that depend on the routing and go out at once`() {
        let routing = Fixture.step(0, .decomposition, ["a", "b", "c"])
        let change = change(
            Fixture.snapshot([routing, Fixture.step(1)]),
            [full(Self.clauseLabel), full("\(Self.issueLabel),\(Self.clauseLabel)"), full("none")])
        #expect(change.state == nil)
        #expect(change.newSteps.map(\.ordinal) == [2, 3])
        #expect(change.newSteps.map(\.route) == [Fixture.clause, Fixture.issue])
        #expect(change.newSteps.map { $0.items.map(\.text) } == [["a", "b"], ["b"]])
        #expect(change.newSteps.allSatisfy { $0.state == .dispatched && $0.dependsOn == [0] })
        #expect(change.updatedSteps.map(\.ordinal) == [0])
    }

    @Test func `items keep their spans`() {
        var routing = Fixture.step(0, .decomposition, ["a"])
        routing.items[0].span = Item.Span(3, 4)
        routing.items[0].source = "mail.txt"
        let change = change(Fixture.snapshot([routing]), [full(Self.clauseLabel)])
        #expect(change.newSteps.first?.items == routing.items)
    }

    /// An answer that cuts a text of the letters a to e at a space.
    private func cut(_ parts: [(Int, Int, String)]) -> Answer {
        var answer = full("none")
        answer.output = .json(
            RoutedPart.encode(
                parts.map { RoutedPart(span: Item.Span($0.0, $0.1), routes: Route.list(in: $0.2)) }))
        return answer
    }

    @Test func `an item that the full model has cut is replaced by its parts, each with its own tasks`() throws {
        var routing = Fixture.step(0, .decomposition, ["x", "äb cde f", "y"])
        routing.items[1].span = Item.Span(10, 18)
        let change = change(
            Fixture.snapshot([routing]),
            [
                full("none"),
                cut([(0, 2, Self.clauseLabel), (3, 6, "\(Self.issueLabel),\(Self.clauseLabel)"), (7, 8, "none")]),
                full(Self.issueLabel),
            ])
        let step = try #require(change.updatedSteps.first)
        #expect(step.items.map(\.text) == ["x", "äb", "cde", "f", "y"])
        #expect(step.items[1...3].map(\.span) == [Item.Span(10, 12), Item.Span(13, 16), Item.Span(17, 18)])
        #expect(
            step.answers.map { $0?.label } == [
                "none", Self.clauseLabel, "\(Self.issueLabel),\(Self.clauseLabel)", "none", Self.issueLabel,
            ])
        #expect(change.newSteps.map { $0.items.map(\.text) } == [["äb", "cde"], ["cde", "y"]])
    }

    @Test(arguments: [
        "[]", "7", #"{"parts":[]}"#, #"{"parts":[{"span":[0,1],"routes":[]}]}"#,
        #"{"parts":[{"span":[0,2],"routes":[]},{"span":[1,3],"routes":[]}]}"#,
        #"{"parts":[{"span":[0,1],"routes":[]},{"span":[1,4],"routes":[]}]}"#,
        #"{"parts":[{"span":[0,1],"routes":[]},{"span":[2,2],"routes":[]}]}"#,
        #"{"parts":[{"span":[-1,1],"routes":[]},{"span":[2,3],"routes":[]}]}"#,
        #"{"parts":[{"span":[0,1],"routes":["a"]},{"span":[2,3],"routes":[]}]}"#,
    ])
    func `parts that do not stand in the item are no parts, and it fits nothing`(json: String) throws {
        var answer = full("none")
        answer.output = .json(json)
        let change = change(Fixture.snapshot([Fixture.step(0, .decomposition, ["a b"])]), [answer])
        let step = try #require(change.updatedSteps.first)
        #expect(step.items.map(\.text) == ["a b"])
        #expect(step.answers.map { $0?.label } == ["none"])
        #expect(change.state == .completed)
    }

    @Test func `a step has no more items than a step may have, and an item that cannot be cut goes to all tasks`()
        throws
    {
        let texts = Array(repeating: "a b", count: Limits.itemsPerStep - 1)
        let answer = cut([(0, 1, Self.clauseLabel), (2, 3, Self.issueLabel)])
        let change = change(
            Fixture.snapshot([Fixture.step(0, .decomposition, texts)]), texts.map { _ in answer })
        let step = try #require(change.updatedSteps.first)
        #expect(step.items.count == Limits.itemsPerStep)
        #expect(step.items.prefix(3).map(\.text) == ["a", "b", "a b"])
        #expect(step.answers[2]?.label == "\(Self.clauseLabel),\(Self.issueLabel)")
    }

    @Test func `items that the router itself routed are not routed again`() {
        let routing = Fixture.step(0, .decomposition, ["a", "b"])
        let change = change(Fixture.snapshot([routing]), [Fixture.answer("none"), full("none")])
        #expect(change.newSteps.isEmpty)
        #expect(change.state == .completed)
    }

    /// A plan with three routing steps of one item each. The outcomes of the first two are applied.
    private func afterTwoOfThree(_ others: Int = 0) -> RequestProgress {
        let routings = (0..<3).map { Fixture.step($0, .decomposition, ["item \($0)"]) }
        let done = (0..<others).map {
            Fixture.step(3 + $0, Fixture.clause, ["x"], .answered, answers: [Fixture.answer()])
        }
        var progress = RequestProgress(Fixture.snapshot(routings + done), now: Fixture.now)
        for ordinal in 0..<2 { apply(full(Self.clauseLabel), to: ordinal, of: &progress) }
        return progress
    }

    private func apply(_ answer: Answer?, to ordinal: Int, of progress: inout RequestProgress) {
        let outcome =
            answer.map { Fixture.answered(ordinal, .decomposition, [$0], attempts: []) }
            ?? Outcome(step: ordinal, route: .decomposition, state: .failed, error: "no money")
        progress.settle(outcome, pricing: PriceList())
    }

    @Test func `items of several routing steps share steps once the last of them is settled`() {
        var progress = afterTwoOfThree()
        #expect(progress.snapshot.steps.count == 3)
        apply(full("\(Self.clauseLabel),\(Self.issueLabel)"), to: 2, of: &progress)
        let change = progress.change()
        #expect(change.newSteps.map(\.ordinal) == [3, 4])
        #expect(change.newSteps.map { $0.items.map(\.text) } == [["item 0", "item 1", "item 2"], ["item 2"]])
        #expect(change.newSteps.allSatisfy { $0.dependsOn == [0, 1, 2] && $0.state == .dispatched })
        #expect(change.state == nil)
    }

    @Test func `a routing step that fails does not keep the items of the others`() {
        var progress = afterTwoOfThree()
        apply(nil, to: 2, of: &progress)
        let change = progress.change()
        #expect(change.newSteps.map { $0.items.map(\.text) } == [["item 0", "item 1"]])
        // The last outcome emits them.
        #expect(change.newSteps.allSatisfy { $0.dependsOn.contains(2) })
    }

    @Test func `if the routed items do not fit into the plan, every routing step that holds some of them fails`() {
        var progress = afterTwoOfThree(13)
        apply(full("none"), to: 2, of: &progress)
        let change = progress.change()
        #expect(change.newSteps.isEmpty)
        #expect(change.state == .failed)
        let states = change.updatedSteps.reduce(into: [:]) { $0[$1.ordinal] = $1.state }
        #expect(states == [0: .failed, 1: .failed, 2: .answered])
        #expect(change.error == "the routed items need 17 steps in all, and a plan holds 16")
    }

    @Test(arguments: [(14, true), (15, true), (16, false)])
    func `a plan never grows beyond sixteen steps`(before: Int, fits: Bool) {
        let others = (1..<before).map {
            Fixture.step($0, Fixture.clause, ["x"], .answered, answers: [Fixture.answer()])
        }
        let routing = Fixture.step(0, .decomposition, ["a"])
        let change = change(Fixture.snapshot([routing] + others), [full(Self.clauseLabel)])
        #expect(change.newSteps.count == (fits ? 1 : 0))
        #expect(change.updatedSteps.first?.state == (fits ? .answered : .failed))
        #expect(change.state == (fits ? nil : .failed))
    }

    @Test(arguments: [
        ("legal-services/poetry", "none", 0), ("legal-services/poetry,\(Self.clauseLabel)", Self.clauseLabel, 1),
    ])
    func `a route that the catalog does not have makes no step, and its item is not lost`(
        label: String, kept: String, steps: Int
    ) {
        let change = change(Fixture.snapshot([Fixture.step(0, .decomposition, ["a"])]), [full(label)])
        #expect(change.newSteps.count == steps)
        #expect(change.updatedSteps.first?.answers.map { $0?.label } == [kept])
    }

    @Test func `a routing that is settled twice expands once`() {
        var progress = RequestProgress(
            Fixture.snapshot([Fixture.step(0, .decomposition, ["a"])]), now: Fixture.now)
        for _ in 0..<2 {
            progress.settle(
                Fixture.answered(0, .decomposition, [full(Self.clauseLabel)]), pricing: PriceList())
        }
        let change = progress.change()
        #expect(change.newSteps.count == 1)
    }
}
