import BuiltInCatalog
import Contracts
import Inference
import TestKit
import Testing

@testable import Decomposer

/// Route heads add tasks to what the router's own head says, and change nothing else.
struct RouteHeadPlanTests {
    private static let reason = Route(Capability(rawValue: "customer-support"), "contact-reason")
    private static let intent = "semantic-understanding/intent"

    private static let catalog: Catalog = {
        let task = TaskDescription(
            name: "contact-reason", title: "Reason", description: "Says why.", unit: .utterance, output: .text,
            comparator: .judge, models: TaskModels(full: "full"))
        return Catalog(
            Catalog.builtIn.capabilities + [
                CapabilityDescription(
                    name: reason.capability, title: "Support", description: "Sorts.", tasks: [task])
            ])
    }()

    /// The router's own head is unsure where the text has a question mark; the route head accepts what has a card.
    private func plan(_ text: String, _ catalog: Catalog = catalog) async throws -> Decomposition {
        let router = ScriptedRouter { text in
            var prediction = Prediction.of(
                text, text.contains("music") ? Self.intent : "none", 0.9, isSure: !text.contains("?"))
            if text.contains("card") { prediction.addedRoutes = [Self.reason] }
            return prediction
        }
        let planner = Planner(router: router, counterfactual: try Tree.counterfactual())
        let request = Request(eventID: "e", channel: .human, text: text)
        return try #require(try await planner.plans(for: [request], catalog: catalog).first).get()
    }

    private func routed(_ decomposition: Decomposition) -> [String: [String]] {
        decomposition.steps.reduce(into: [:]) { $0["\($1.route)"] = $1.items.map(\.text) }
    }

    @Test(arguments: ["a card", "a card?"])
    func `an item that only a route head accepts goes to its task, and nobody else is asked`(text: String) async throws
    {
        let plan = try await plan(text)
        #expect(routed(plan) == ["decomposition/route": [], "\(Self.reason)": [text]])
        #expect(plan.steps.map(\.state) == [.answered, .dispatched])
    }

    @Test func `an item that both are sure of goes to both`() async throws {
        let text = "music with a card"
        #expect(
            try await routed(plan(text)) == ["decomposition/route": [], Self.intent: [text], "\(Self.reason)": [text]])
    }

    @Test func `a question about a task of the router's own stays one for the full model`() async throws {
        let text = "music for a card?"
        let plan = try await plan(text)
        #expect(routed(plan) == ["decomposition/route": [text], "\(Self.reason)": [text]])
        #expect(plan.steps.map(\.state) == [.dispatched, .dispatched])
        #expect(plan.steps.first?.answers == [nil] && plan.steps.first?.guesses.first??.label == Self.intent)
    }

    @Test func `a task that the catalog lacks is not added`() async throws {
        #expect(try await routed(plan("a card", .builtIn)) == ["decomposition/route": ["a card"]])
    }
}
