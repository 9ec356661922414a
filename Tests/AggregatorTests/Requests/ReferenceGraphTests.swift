import BuiltInCatalog
import Contracts
import Planning
import Store
import TestKit
import Testing

@testable import Aggregator

/// Any graph of steps whose items have texts of their own or take them from answers.
struct ReferenceGraphTests {
    /// A graph of up to six steps of two items each. In every other graph, references and dependencies may name nothing
    /// or go in circles.
    private func graph(_ generator: inout Seeded) -> Request {
        let count = Int.random(in: 1...6, using: &generator)
        let isSound = Bool.random(using: &generator)
        var steps: [RequestedStep] = []
        for index in 0..<count {
            let others = isSound ? 0...max(0, index - 1) : -1...count
            let mayDepend = index > 0 || !isSound
            var items: [RequestedItem] = []
            for _ in 0..<2 {
                guard mayDepend, Int.random(in: 0..<3, using: &generator) > 0 else {
                    items.append("text")
                    continue
                }
                let item = Int.random(in: 0...(isSound ? 1 : 2), using: &generator)
                items.append(
                    .reference(
                        ItemReference(
                            step: Int.random(in: others, using: &generator),
                            item: Bool.random(using: &generator) ? item : nil,
                            select: Bool.random(using: &generator) ? .label : .output)))
            }
            let depends = mayDepend && Bool.random(using: &generator)
            steps.append(
                RequestedStep(
                    route: Fixture.clause, items: items,
                    dependsOn: depends ? [Int.random(in: others, using: &generator)] : []))
        }
        return Request(eventID: "e", channel: .machine, steps: steps)
    }

    /// Whether every index names something, and the steps have an order.
    private func isSound(_ steps: [RequestedStep]) -> Bool {
        let references = steps.map { $0.items.compactMap(\.reference) }
        let needed = steps.indices.map { steps[$0].dependsOn + references[$0].map(\.step) }
        guard needed.joined().allSatisfy(steps.indices.contains),
            references.joined().allSatisfy({ (0..<2).contains($0.item ?? 0) })
        else { return false }
        var order: Set<Int> = []
        for _ in steps {
            for index in steps.indices where needed[index].allSatisfy(order.contains) { order.insert(index) }
        }
        return order.count == steps.count
    }

    private func plan(_ request: Request) -> [Step] {
        request.steps.enumerated().map { ordinal, step in
            let items = step.items.enumerated().map { position, item in
                switch item {
                case .text(let text): Item(text: text)
                case .reference(let reference): Item(text: "", from: reference.resolved(at: position, of: 2))
                }
            }
            return Step(
                ordinal: ordinal, route: step.route, items: items, dependsOn: step.dependencies,
                state: step.dependencies.isEmpty ? .dispatched : .waiting)
        }
    }

    /// Answers of every kind, some of which give no text, and a failure now and then.
    private func outcome(of step: Step, _ generator: inout Seeded) -> Outcome {
        guard Int.random(in: 0..<10, using: &generator) > 0 else { return Fixture.failed(step.ordinal) }
        let outputs: [Answer.Output] = [
            .label("x"), .label("y"), .label("z"), .text("a text"), .text(" "), .json("{}"),
        ]
        let answers = step.items.map { _ in
            Answer(
                outputs.randomElement(using: &generator) ?? .label("x"), confidence: 0.5, decidedBy: .full,
                model: "full@1")
        }
        return Fixture.answered(step.ordinal, step.route, answers, attempts: [])
    }

    @Test func `a graph is rejected, or every dispatched step has its texts and the request ends`() throws {
        var generator = Seeded(55)
        var counts: [RequestSnapshot.State: Int] = [:]
        for _ in 0..<2000 {
            let request = graph(&generator)
            guard
                let accepted = try? Request.decode(
                    request.encode(), eventID: "e", tenant: .default, deadline: nil, catalog: .builtIn)
            else {
                #expect(!isSound(request.steps))
                counts[.rejected, default: 0] += 1
                continue
            }
            #expect(accepted == request && isSound(request.steps))
            var snapshot = Fixture.snapshot(plan(accepted))
            for _ in accepted.steps where !snapshot.state.isFinal {
                for step in snapshot.steps where step.state == .dispatched {
                    #expect(step.items.allSatisfy { !$0.isPending && !$0.text.isEmpty })
                    var progress = RequestProgress(snapshot, now: Fixture.now)
                    progress.settle(outcome(of: step, &generator), pricing: PriceList(Fixture.prices))
                    snapshot = try AppliedChanges([progress.change()], to: [snapshot]).snapshots[0]
                }
            }
            #expect(snapshot.state.isFinal, "\(request.steps)")
            counts[snapshot.state, default: 0] += 1
        }
        #expect(counts.count == 3 && counts.values.allSatisfy { $0 > 100 }, "\(counts)")
    }
}
