import BuiltInCatalog
import Contracts
import Delivery
import Inference
import TestKit
import Testing
import WorkerKit

@testable import Decomposer

extension Planner {
    /// A planner whose router is the same for every catalog.
    init(segmenter: Segmenter, router: any Classifier, counterfactual: Counterfactual, gate: LaneGate? = nil) {
        self.init(segmenter: segmenter, router: { _ in router }, counterfactual: counterfactual, gate: gate)
    }
}

extension Segmenter {
    /// A segmenter that is sure of all cuts.
    init(parts: @escaping @Sendable (String) -> [Range<String.Index>]) { self.init { (parts($0), 1) } }
}

/// Route heads add tasks to what the router's own head says, and change nothing else.
struct RouteHeadPlanTests {
    private static let reason = Route(Capability(rawValue: "customer-support"), "contact-reason")
    private static let intent = "semantic-understanding/intent"
    private static let issue = "software-development/issue-type"

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
        let router = ScriptedClassifier("router", routes: [.decomposition]) { text, _ in
            let words = [("music", Self.intent), ("crash", Self.issue)]
            var prediction = Prediction.of(
                text, words.last { text.contains($0.0) }?.1 ?? "none", 0.9, isSure: !text.contains("?"))
            if text.contains("card") { prediction.addedRoutes = [Self.reason] }
            return prediction
        }
        let segmenter = Segmenter { [$0.startIndex..<$0.endIndex] }
        let planner = Planner(segmenter: segmenter, router: router, counterfactual: try Tree.counterfactual())
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
        let text = "music and a card"
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

    @Test func `a route head does not decide where a text of another task is cut`() async throws {
        let report = "A crash of the card. It goes on."
        #expect(
            try await routed(plan(report))
                == ["decomposition/route": [], Self.issue: [report], "\(Self.reason)": [report]])
        #expect(
            try await routed(plan("A card. Nothing.")) == [
                "decomposition/route": ["Nothing."], "\(Self.reason)": ["A card."],
            ])
    }

    @Test func `a task that the catalog lacks is not added`() async throws {
        #expect(try await routed(plan("a card", .builtIn)) == ["decomposition/route": ["a card"]])
    }
}
