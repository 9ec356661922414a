import BuiltInCatalog
import Contracts
import Inference
import TestKit
import Testing

@testable import Decomposer

/// Items of which the router is not sure where they are.
struct DoubtfulCutTests {
    private static let intent = "semantic-understanding/intent"
    private static let clause = "legal-services/clause-type"
    private static let text = "Play jazz and the blues and dim the lights"
    private static let cuts = DecompositionDescription(full: "endpoint:big", splitBelow: 0.8)

    /// The router is sure of the routes, and of the place of what has no “~” with a probability of 0.7.
    private func plan(
        _ decomposition: DecompositionDescription, _ text: String = text, label: String = intent
    ) async throws -> Decomposition {
        let router = ScriptedRouter(certainty: { $0.contains("~") ? 1 : 0.7 }) {
            .of($0, $0.contains("party") ? Self.clause : label, $0.contains("party") ? 0.8 : 0.9)
        }
        let planner = Planner(router: router, counterfactual: try Tree.counterfactual())
        let request = Request(eventID: "e", channel: .human, text: text)
        let catalog = Catalog(Catalog.builtIn.capabilities, decomposition: decomposition)
        return try #require(try await planner.plans(for: [request], catalog: catalog).first).get()
    }

    private func texts(_ plan: Decomposition) -> [[String]] { plan.steps.map { $0.items.map(\.text) } }

    @Test func `an endpoint is asked about neighbours as one if the catalog says so`() async throws {
        let plan = try await plan(Self.cuts)
        #expect(texts(plan) == [[Self.text]])
        #expect(plan.steps.map(\.route) == [.decomposition])
        #expect(plan.steps.map(\.state) == [.dispatched])
        #expect(plan.steps[0].answers == [nil])
        #expect(plan.steps[0].guesses.map { $0?.label } == [Self.intent])
        #expect(plan.steps[0].items[0].span == Item.Span(0, 42) && plan.steps[0].items[0].context != nil)
        #expect(plan.attempt?.items == 1)
    }

    @Test func `the guess about them has all of their routes, and the least confidence`() async throws {
        let guess = try await plan(Self.cuts, "jazz and a party and blues").steps[0].guesses[0]
        #expect(guess?.label == "\(Self.intent),\(Self.clause)" && guess?.confidence == 0.8)
    }

    @Test func `an item alone whose ends are in doubt is cut there too`() async throws {
        let plan = try await plan(Self.cuts, "Play jazz")
        #expect(texts(plan) == [["Play jazz"]] && plan.steps.map(\.state) == [.dispatched])
    }

    @Test(arguments: [
        DecompositionDescription(), DecompositionDescription(full: "endpoint:big"),
        DecompositionDescription(full: "endpoint:big", splitBelow: 0.7),
    ])
    func `the router's cut stands otherwise`(decomposition: DecompositionDescription) async throws {
        #expect(try await texts(plan(decomposition)) == [[], ["Play jazz", "the blues", "dim the lights"]])
    }

    @Test(arguments: ["\n", "\r\n", "\n\n"]) func `a line end parts them`(end: String) async throws {
        #expect(
            try await texts(plan(Self.cuts, "a and b\(end)c and d")) == [["a and b", "c and d"]])
    }

    @Test func `an item that is where it is for sure goes its way, and parts its neighbours`() async throws {
        let plan = try await plan(Self.cuts, "a and b and ~ and c and d")
        #expect(texts(plan) == [["a and b", "c and d"], ["~"]])
    }

    @Test func `what an endpoint alone would have read for a text that fits nothing is the text`() async throws {
        let plain = try await plan(DecompositionDescription(), "Good day.", label: "none")
        let plan = try await plan(DecompositionDescription(full: "endpoint:big"), "Good day.", label: "none")
        #expect(plan.attempt?.counterfactual.inputTokens == plain.attempt?.counterfactual.inputTokens)
        #expect(plan.attempt?.counterfactual.flops == 0)
        #expect(plan.attempt?.counterfactual.outputTokens == 1)
    }
}
