import BuiltInCatalog
import Contracts
import Inference
import TestKit
import Testing

@testable import Decomposer

/// What stands around an item that the full model routes.
struct RoutingContextTests {
    private static let intent = "semantic-understanding/intent"

    /// The router is unsure where the text has a question mark.
    private func items(_ text: String?, attachment: String? = nil) async throws -> [Item] {
        let router = ScriptedRouter { .of($0, Self.intent, isSure: !$0.contains("?")) }
        let planner = Planner(router: router, counterfactual: try Tree.counterfactual())
        let attachments = attachment.map { [Contracts.Attachment(name: "a", mediaType: "text/plain", text: $0)] } ?? []
        let request = Request(eventID: "e", channel: .human, text: text, attachments: attachments)
        let plan = try #require(try await planner.plans(for: [request], catalog: .builtIn).first).get()
        return plan.steps.flatMap(\.items)
    }

    @Test func `only an item that is not sure has its neighbours`() async throws {
        let items = try await items("Do this:\nmusic?\nlights")
        #expect(items.map(\.text) == ["music?", "Do this:", "lights"])
        #expect(items[0].context == ItemContext(before: "Do this:\n", after: "\nlights"))
        #expect(items.dropFirst().allSatisfy { $0.context == nil })
    }

    @Test func `an item at the end of a long text has the beginning of the text as well`() async throws {
        let text = "Beginning " + String(repeating: "x", count: 500) + "\nmusic?"
        let context = try #require(try await items(text).first?.context)
        #expect(context.before == String(repeating: "x", count: 95) + "\n")
        #expect(context.after == "")
        #expect(context.request == "Beginning " + String(repeating: "x", count: 86))
    }

    @Test func `an item in an attachment has what the request says`() async throws {
        let context = try await items("Sort these:", attachment: "a\nmusic?\nb").first?.context
        #expect(context == ItemContext(before: "a\n", after: "\nb", request: "Sort these:"))
    }

    @Test(arguments: [nil, " \n"]) func `a request that says nothing is no context`(text: String?) async throws {
        #expect(try await items(text, attachment: "music?").first?.context == ItemContext(before: "", after: ""))
    }

    @Test func `no character is cut`() async throws {
        // Each “漢” has three bytes, and 96 is divisible by three: the line end and the item push it out of step.
        let line = String(repeating: "漢", count: 200)
        let context = try #require(try await items("é\(line)\nmusic?\n\(line)").first?.context)
        #expect(context.before == String(repeating: "漢", count: 31) + "\n")
        #expect(context.after == "\n" + String(repeating: "漢", count: 31))
        #expect(context.request == "é" + String(repeating: "漢", count: 31))
    }

    @Test func `the copy that goes to a route head's task has none`() async throws {
        let support = Route(Capability(rawValue: "customer-support"), "reason")
        let task = TaskDescription(
            name: support.task, title: "Reason", description: "Says why.", unit: .utterance, output: .text,
            comparator: .judge, models: TaskModels(full: "full"))
        let catalog = Catalog(
            Catalog.builtIn.capabilities + [
                CapabilityDescription(name: support.capability, title: "Support", description: "Sorts.", tasks: [task])
            ])
        let router = ScriptedRouter { text in
            var prediction = Prediction.of(text, Self.intent, isSure: false)
            prediction.addedRoutes = [support]
            return prediction
        }
        let planner = Planner(router: router, counterfactual: try Tree.counterfactual())
        let request = Request(eventID: "e", channel: .human, text: "music")
        let steps = try #require(try await planner.plans(for: [request], catalog: catalog).first).get().steps
        #expect(steps.map(\.route) == [.decomposition, support])
        #expect(steps.map { $0.items.first?.context != nil } == [true, false])
    }
}
