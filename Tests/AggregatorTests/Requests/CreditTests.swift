import Contracts
import Planning
import Store
import TestKit
import Testing

@testable import Aggregator

/// Only answers that were given count as saved, against the cheapest way to use the full model alone.
struct CreditTests {
    private func entries(_ snapshot: RequestSnapshot, _ outcomes: Outcome...) -> [LedgerEntry] {
        var progress = RequestProgress(snapshot, now: Fixture.now)
        for outcome in outcomes { progress.settle(outcome, pricing: PriceList(Fixture.prices)) }
        return progress.change().entries
    }

    private let request = Fixture.snapshot([Fixture.step(0, Fixture.clause, ["aaaa", "bbbb"])])

    @Test func `answered items are credited with the full model's price, item by item or as one question`() {
        let attempt = Fixture.attempt(tokens: 10)
        let rows = entries(
            request, Fixture.answered(0, Fixture.clause, [Fixture.answer(), Fixture.answer()], attempts: [attempt]))
        #expect(rows.map(\.cost) == [PicoDollars(10)])
        #expect(rows.map(\.counterfactualCost) == [PicoDollars(1000)])
        // Two texts in one question share their marker tokens.
        #expect(rows.map(\.onceCost) == [PicoDollars(600)])
        #expect(rows.map(\.attempt.counterfactual) == [attempt.counterfactual])
    }

    @Test func `a failed, an incomplete and an expired step are paid for and save nothing`() {
        for outcome in [
            Outcome(step: 0, route: Fixture.clause, state: .failed, attempts: [Fixture.attempt()], error: "ill"),
            Outcome(step: 0, route: Fixture.clause, state: .expired, attempts: [Fixture.attempt()]),
            Fixture.answered(0, Fixture.clause, [Fixture.answer(), nil]),
        ] {
            let rows = entries(request, outcome)
            #expect(rows.map(\.cost) == [PicoDollars(3)])
            #expect(rows.map(\.counterfactualCost) == [.zero] && rows.map(\.onceCost) == [.zero])
            #expect(rows.map(\.attempt.counterfactual) == [.zero])
        }
    }

    @Test func `degraded items save nothing, and the other items of their step do`() {
        var degraded = Fixture.answer()
        degraded.isDegraded = true
        let rows = entries(
            request,
            Fixture.answered(
                0, Fixture.clause, [Fixture.answer(), degraded], attempts: [Fixture.attempt(tokens: 10)]))
        #expect(rows.map(\.counterfactualCost) == [PicoDollars(500)])
        #expect(rows.map(\.onceCost) == [PicoDollars(300)])
    }

    @Test func `an item that no model was asked about takes nothing from the credit of the others`() {
        // The attempt counts the first item alone.
        let rows = entries(
            request,
            Fixture.answered(
                0, Fixture.clause, [Fixture.answer(), .inUnsupportedLanguage], attempts: [Fixture.attempt(tokens: 5)]))
        #expect(rows.map(\.counterfactualCost) == [PicoDollars(500)])
        #expect(rows.map(\.onceCost) == [PicoDollars(300)])
    }

    @Test func `a step that no model was asked about costs nothing and saves nothing`() {
        let change = {
            var progress = RequestProgress(request, now: Fixture.now)
            progress.settle(
                Fixture.answered(
                    0, Fixture.clause, [.inUnsupportedLanguage, .inUnsupportedLanguage], attempts: []),
                pricing: PriceList(Fixture.prices))
            return progress.change()
        }()
        #expect(change.state == .completed && change.entries.isEmpty)
    }

    @Test func `an answer that comes too late saves nothing`() {
        let done = Fixture.snapshot(
            [Fixture.step(0, Fixture.clause, ["a"], .expired, answers: [])], .expired)
        let rows = entries(done, Fixture.answered(0))
        #expect(rows.map(\.cost) == [PicoDollars(3)] && rows.map(\.counterfactualCost) == [.zero])
        // A second answer to the same step gets none either.
        let twice = entries(
            Fixture.snapshot([Fixture.step(0), Fixture.step(1)]), Fixture.answered(0), Fixture.answered(0))
        #expect(twice.map(\.counterfactualCost) == [PicoDollars(300), .zero])
    }

    @Test func `an item of two steps is asked twice item by item, and once in one question`() {
        let both = Fixture.snapshot([
            Fixture.step(0, Fixture.clause, ["same"]), Fixture.step(1, Fixture.issue, ["same", "else"]),
        ])
        let rows = entries(
            both, Fixture.answered(0, attempts: [Fixture.attempt(tokens: 6)]),
            Fixture.answered(
                1, Fixture.issue, [Fixture.answer(), Fixture.answer()], attempts: [Fixture.attempt(tokens: 12)]))
        #expect(rows.map(\.counterfactualCost) == [PicoDollars(600), PicoDollars(1200)])
        #expect(rows.map(\.onceCost) == [PicoDollars(400), PicoDollars(400)])
    }

    /// The full model alone would have written the text itself, in the same question.
    @Test func `a text that is taken from an answer is asked item by item, and is no part of one question`() {
        let taking = Step(
            ordinal: 1, route: Fixture.issue,
            items: [Item(text: "xxxx", from: ItemReference(step: 0, item: 0)), Item(text: "else")], dependsOn: [0],
            state: .dispatched)
        let chain = Fixture.snapshot([
            Fixture.step(0, Fixture.clause, ["same"], .answered, answers: [Fixture.answer("xxxx")]), taking,
            // A text of the client counts, although the same was taken before.
            Fixture.step(2, Fixture.issue, ["xxxx"]),
        ])
        let rows = entries(
            chain,
            Fixture.answered(
                1, Fixture.issue, [Fixture.answer(), Fixture.answer()], attempts: [Fixture.attempt(tokens: 12)]),
            Fixture.answered(2, Fixture.issue, attempts: [Fixture.attempt(tokens: 6)]))
        #expect(rows.map(\.counterfactualCost) == [PicoDollars(1200), PicoDollars(600)])
        #expect(rows.map(\.onceCost) == [PicoDollars(400), PicoDollars(400)])
    }

    @Test func `an answer that rests on a degraded one saves nothing`() {
        var degraded = Fixture.answer("xxxx")
        degraded.isDegraded = true
        func taking(_ ordinal: Int, _ state: Step.State) -> Step {
            Step(
                ordinal: ordinal, route: Fixture.issue,
                items: [Item(text: "xxxx", from: ItemReference(step: ordinal - 1, item: 0))], dependsOn: [ordinal - 1],
                state: state, answers: state == .answered ? [Fixture.answer("xxxx")] : [])
        }
        for (answer, saved) in [(degraded, PicoDollars.zero), (Fixture.answer("xxxx"), PicoDollars(600))] {
            let chain = Fixture.snapshot([
                Fixture.step(0, Fixture.clause, ["same"], .answered, answers: [answer]), taking(1, .answered),
                taking(2, .dispatched),
            ])
            let rows = entries(chain, Fixture.answered(2, Fixture.issue, attempts: [Fixture.attempt(tokens: 6)]))
            #expect(rows.map(\.counterfactualCost) == [saved])
        }
    }

    @Test func `an item that was routed by the full model counts where it is answered`() {
        let routed = Fixture.snapshot([
            Fixture.step(0, .decomposition, ["same"], .answered, answers: [Fixture.answer("x", .full)]),
            Fixture.step(1, Fixture.clause, ["same"]),
        ])
        let rows = entries(routed, Fixture.answered(1, attempts: [Fixture.attempt(tokens: 6)]))
        #expect(rows.map(\.onceCost) == [PicoDollars(400)])
    }
}
