import BuiltInCatalog
import Contracts
import Planning
import Store
import TestKit
import Testing

@testable import Aggregator

struct RequestProgressTests {
    private func change(_ snapshot: RequestSnapshot, _ outcomes: Outcome...) -> RequestChange {
        var progress = RequestProgress(snapshot, now: Fixture.now)
        for outcome in outcomes { progress.settle(outcome, pricing: PriceList(Fixture.prices)) }
        return progress.change()
    }

    private func states(_ change: RequestChange) -> [Int: Step.State] {
        change.updatedSteps.reduce(into: [:]) { $0[$1.ordinal] = $1.state }
    }

    @Test func `an answered step keeps its answers, and the request stays open for the others`() {
        let change = change(Fixture.snapshot([Fixture.step(0), Fixture.step(1)]), Fixture.answered(0))
        #expect(change.request == .numbered(1))
        #expect(change.state == nil)
        #expect(change.updatedSteps.map(\.ordinal) == [0])
        #expect(change.updatedSteps.first?.state == .answered)
        #expect(change.updatedSteps.first?.answers == [Fixture.answer()])
        #expect(change.progressedAt == Fixture.now)
    }

    @Test func `the last answer completes the request`() {
        let both = change(
            Fixture.snapshot([Fixture.step(0), Fixture.step(1)]), Fixture.answered(0), Fixture.answered(1))
        #expect(both.state == .completed)
        #expect(both.error == nil)
        #expect(states(both) == [0: .answered, 1: .answered])
    }

    @Test(arguments: [
        ([Outcome.State.answered, .answered], RequestSnapshot.State.completed),
        ([.answered, .failed], .failed), ([.failed, .answered], .failed), ([.answered, .expired], .expired),
        ([.failed, .expired], .failed), ([.expired, .expired], .expired),
    ])
    func `a request ends in the worst state of its steps`(ends: [Outcome.State], state: RequestSnapshot.State) {
        var progress = RequestProgress(Fixture.snapshot(ends.indices.map { Fixture.step($0) }), now: Fixture.now)
        for (ordinal, end) in ends.enumerated() {
            progress.settle(
                Outcome(
                    step: ordinal, route: Fixture.clause, state: end,
                    answers: end == .answered ? [Fixture.answer()] : [],
                    error: end == .answered ? nil : "why \(ordinal)"),
                pricing: PriceList())
        }
        let change = progress.change()
        #expect(change.state == state)
        #expect(change.error == ends.firstIndex { $0 != .answered }.map { "why \($0)" })
    }

    @Test func `every attempt becomes a priced row`() {
        let attempts = [Fixture.attempt(1, tokens: 3), Fixture.attempt(2, tokens: 5)]
        let change = change(Fixture.snapshot([Fixture.step(0)]), Fixture.answered(0, attempts: attempts))
        func row(_ attempt: Attempt, _ cost: Int64) -> LedgerEntry {
            LedgerEntry(
                step: Step.ID(request: .numbered(1), ordinal: 0), tenant: Fixture.tenant, route: Fixture.clause,
                attempt: attempt, cost: PicoDollars(cost), counterfactualCost: PicoDollars(100 * cost),
                onceCost: PicoDollars(100 * (cost - 2)))
        }
        #expect(change.entries == [row(attempts[0], 3), row(attempts[1], 5)])
    }

    @Test func `an attempt costs what held when it started, though its price has changed since`() {
        let later = Fixture.prices.map { price in
            var price = price
            price.inputToken = PicoDollars(7 * price.inputToken.amount)
            price.validFrom = Fixture.now.adding(milliseconds: 1)
            return price
        }
        var progress = RequestProgress(
            Fixture.snapshot([Fixture.step(0)]), now: Fixture.now.adding(milliseconds: 86_400_000))
        progress.settle(Fixture.answered(0), pricing: PriceList(Fixture.prices + later))
        #expect(progress.change().entries.map(\.cost) == [PicoDollars(3)])
        #expect(progress.change().entries.map(\.counterfactualCost) == [PicoDollars(300)])
    }

    @Test func `an outcome that is delivered twice settles its step once and keeps the first answers`() {
        let change = change(
            Fixture.snapshot([Fixture.step(0), Fixture.step(1)]), Fixture.answered(0),
            Fixture.answered(0, Fixture.clause, [Fixture.answer("another")]), Fixture.failed(0))
        #expect(change.updatedSteps.count == 1)
        #expect(change.updatedSteps.first?.state == .answered)
        #expect(change.updatedSteps.first?.answers == [Fixture.answer()])
    }

    @Test(arguments: [RequestSnapshot.State.open, .completed])
    func `an outcome of a step that the request never had is refused`(state: RequestSnapshot.State) {
        var progress = RequestProgress(
            Fixture.snapshot([Fixture.step(0, Fixture.clause, ["a"], state == .open ? .dispatched : .answered)], state),
            now: Fixture.now)
        let error = #expect(throws: ContractError.self) {
            try progress.apply(
                Fixture.answered(7), pricing: PriceList(Fixture.prices), fullModel: "full", catalog: .builtIn)
        }
        #expect(error?.code == .unknownStep)
        #expect(progress.change() == RequestChange(request: .numbered(1), progressedAt: Fixture.now))
    }

    @Test func `an open request without steps is damaged, and no outcome completes it`() {
        var progress = RequestProgress(Fixture.snapshot([]), now: Fixture.now)
        #expect(throws: ContractError.self) {
            try progress.apply(
                Fixture.answered(0), pricing: PriceList(Fixture.prices), fullModel: "full", catalog: .builtIn)
        }
    }

    @Test(arguments: [RequestSnapshot.State.completed, .failed, .expired, .cancelled])
    func `a cost that comes when the steps are gone is still written, and saves nothing`(state: RequestSnapshot.State) {
        let attempts = [Fixture.attempt(1, tokens: 3), Fixture.attempt(2, tokens: 5)]
        let change = change(Fixture.snapshot([], state), Fixture.answered(4, attempts: attempts))
        #expect(change.entries.map(\.step.ordinal) == [4, 4])
        #expect(change.entries.map(\.cost) == [PicoDollars(3), PicoDollars(5)])
        #expect(change.entries.map(\.counterfactualCost) == [.zero, .zero])
        #expect(change.entries.map(\.onceCost) == [.zero, .zero])
        #expect(change.updatedSteps.isEmpty && change.state == nil)
    }

    @Test(arguments: [RequestSnapshot.State.completed, .failed, .expired, .cancelled, .rejected])
    func `a cost that comes after the end is still written, and changes nothing else`(state: RequestSnapshot.State) {
        let done = Fixture.snapshot(
            [Fixture.step(0, Fixture.clause, ["a"], .answered, answers: [Fixture.answer()])], state)
        let change = change(done, Fixture.answered(0, Fixture.clause, [Fixture.answer("late")]))
        #expect(change.entries.count == 1)
        #expect(change.updatedSteps.isEmpty)
        #expect(change.state == nil)
    }

    @Test func `the cost is not final if dispatched steps were given up, and final if only waiting ones were`() {
        var expired = RequestProgress(Fixture.snapshot([Fixture.step(0)]), now: Fixture.now)
        expired.expire()
        #expect(!expired.change().isCostFinal)
        let failed = Fixture.step(0, Fixture.clause, ["a"], .failed)
        var cancelled = RequestProgress(
            Fixture.snapshot([failed, Fixture.step(1, dependsOn: [0])]), now: Fixture.now)
        cancelled.cancel()
        #expect(cancelled.change().isCostFinal)
    }

    @Test(arguments: [[], [nil], [Fixture.answer(), nil], [Fixture.answer(), Fixture.answer(), Fixture.answer()]])
    func `answers that do not match the items fail the step`(answers: [Answer?]) {
        let change = change(
            Fixture.snapshot([Fixture.step(0, Fixture.clause, ["a", "b"])]),
            Fixture.answered(0, Fixture.clause, answers))
        #expect(states(change) == [0: .failed])
        #expect(change.state == .failed)
        #expect(change.error == "the answers do not match the items")
        #expect(change.entries.count == 1)
    }

    @Test func `a step is dispatched once all steps that it depends on are answered`() {
        let steps = [Fixture.step(0), Fixture.step(1), Fixture.step(2, dependsOn: [0, 1])]
        #expect(states(change(Fixture.snapshot(steps), Fixture.answered(0))) == [0: .answered])
        let both = change(Fixture.snapshot(steps), Fixture.answered(0), Fixture.answered(1))
        #expect(states(both) == [0: .answered, 1: .answered, 2: .dispatched])
        #expect(both.state == nil)
    }

    @Test func `a step whose dependency was not answered is cancelled, and so are those behind it`() {
        // The plan names the dependent steps first, so the order of the steps does not help.
        let steps = [
            Fixture.step(0, dependsOn: [1]), Fixture.step(1, dependsOn: [2]), Fixture.step(2), Fixture.step(3),
        ]
        let change = change(Fixture.snapshot(steps), Fixture.failed(2))
        #expect(states(change) == [0: .cancelled, 1: .cancelled, 2: .failed])
        #expect(change.state == nil)
        #expect(change.updatedSteps.first?.error == "a step that it depends on was not answered")
    }

    @Test func `a deadline expires open steps and keeps answered ones`() {
        var progress = RequestProgress(
            Fixture.snapshot([
                Fixture.step(0, Fixture.clause, ["a"], .answered, answers: [Fixture.answer()]), Fixture.step(1),
                Fixture.step(2, dependsOn: [1]),
            ]), now: Fixture.now)
        progress.expire()
        let change = progress.change()
        #expect(states(change) == [1: .expired, 2: .expired])
        #expect(change.state == .expired)
        #expect(change.error == "the deadline passed")
    }

    @Test func `a request that is final does not expire`() {
        let done = Fixture.snapshot([Fixture.step(0, Fixture.clause, ["a"], .answered)], .completed)
        var progress = RequestProgress(done, now: Fixture.now)
        progress.expire()
        let change = progress.change()
        #expect(change == RequestChange(request: done.id, progressedAt: Fixture.now))
    }

    @Test func `a change without any input only records the time of progress`() {
        var progress = RequestProgress(Fixture.snapshot([Fixture.step(0)]), now: Fixture.now)
        let change = progress.change()
        #expect(change == RequestChange(request: .numbered(1), progressedAt: Fixture.now))
    }
}
