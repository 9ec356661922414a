import BuiltInCatalog
import Contracts
import Planning
import Testing

struct PlanBuilderTests {
    private func item(_ number: Int) -> Item { Item(text: "\(number)", span: Item.Span(number, number + 1)) }

    @Test func `items of one route share a step, in the order in which they came`() {
        var plan = PlanBuilder(firstOrdinal: 1, dependsOn: [0])
        plan.add(item(0), to: [Fixture.clause])
        plan.add(item(1), to: [Fixture.issue])
        plan.add(item(2), to: [Fixture.clause])
        #expect(
            plan.steps == [
                Step(
                    ordinal: 1, route: Fixture.clause, items: [item(0), item(2)], dependsOn: [0], state: .dispatched),
                Step(ordinal: 2, route: Fixture.issue, items: [item(1)], dependsOn: [0], state: .dispatched),
            ])
    }

    @Test func `an item of two routes is asked twice`() {
        var plan = PlanBuilder(firstOrdinal: 0)
        plan.add(item(7), to: [Fixture.clause, Fixture.unfair])
        #expect(plan.steps.map(\.route) == [Fixture.clause, Fixture.unfair])
        #expect(plan.steps.map(\.items) == [[item(7)], [item(7)]])
    }

    @Test func `an item of no route is in no step`() {
        var plan = PlanBuilder(firstOrdinal: 0)
        plan.add(item(7), to: [])
        #expect(plan.steps.isEmpty)
    }

    @Test(arguments: [(63, [63]), (64, [64]), (65, [64, 1]), (129, [64, 64, 1])])
    func `a step is full at 64 items`(count: Int, sizes: [Int]) {
        var plan = PlanBuilder(firstOrdinal: 3)
        for number in 0..<count { plan.add(item(number), to: [Fixture.clause]) }
        #expect(plan.steps.map(\.items.count) == sizes)
        #expect(plan.steps.map(\.ordinal) == Array(3..<3 + sizes.count))
        #expect(plan.steps.flatMap(\.items) == (0..<count).map { item($0) })
    }

    @Test(arguments: [
        ("legal-services/clause-type", [Fixture.clause]),
        ("legal-services/clause-type,software-development/issue-type", [Fixture.clause, Fixture.issue]),
        ("none", []), ("", []), ("legal-services", []),
        ("legal-services/poetry,legal-services/unfair-term", [Fixture.unfair]),
        ("decomposition/route", []),
    ])
    func `a routing answer names the routes that there are`(label: String, routes: [Route]) {
        #expect(Catalog.builtIn.routes(in: label) == routes)
    }
}
