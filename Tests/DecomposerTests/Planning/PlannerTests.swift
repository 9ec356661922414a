import BuiltInCatalog
import Contracts
import Delivery
import Inference
import TestKit
import Testing

@testable import Decomposer

struct PlannerTests {
    private static let clause = "legal-services/clause-type"
    static let intent = "semantic-understanding/intent"
    private static let issue = "software-development/issue-type"
    private static let attack = "security-services/prompt-attack"

    /// Returns the last of these routes that the text contains, and is unsure if the text contains a question mark.
    let router = ScriptedRouter(version: "3") { text in
        let words = [
            ("music", intent), ("lights", intent), ("party", clause), ("crash", issue), ("ignore", attack),
            ("weather", "none"),
            ("both", "\(clause),\(intent)"),
        ]
        let label = words.last { text.contains($0.0) }?.1 ?? "none"
        return .of(text, label, 0.9, isSure: !text.contains("?"))
    }

    func planner(gate: LaneGate? = nil) throws -> Planner {
        Planner(router: router, counterfactual: try Tree.counterfactual(), gate: gate)
    }

    func human(_ text: String) -> Request { Request(eventID: "e", channel: .human, text: text) }

    func plan(_ text: String) async throws -> Decomposition {
        try #require(try await planner().plans(for: [human(text)], catalog: .builtIn).first).get()
    }

    func routed(_ decomposition: Decomposition) -> [String: [String]] {
        decomposition.steps.reduce(into: [:]) { $0["\($1.route)"] = $1.items.map(\.text) }
    }

    @Test func `a machine's plan is what it named, and no model is asked`() async throws {
        let route = Route(.legalServices, "unfair-term")
        let request = Request(
            eventID: "e", channel: .machine,
            steps: [
                RequestedStep(route: route, items: ["party and music. lights?"]),
                RequestedStep(route: route, items: ["b", "c"], dependsOn: [0]),
            ])
        let decomposition = try #require(try await planner().plans(for: [request], catalog: .builtIn).first).get()
        #expect(
            decomposition.steps == [
                Step(
                    ordinal: 0, route: route, items: [Item(text: "party and music. lights?", span: Item.Span(0, 24))],
                    state: .dispatched),
                Step(
                    ordinal: 1, route: route,
                    items: [Item(text: "b", span: Item.Span(0, 1)), Item(text: "c", span: Item.Span(0, 1))],
                    dependsOn: [0], state: .waiting
                ),
            ])
        #expect(decomposition.attempt == nil)
        #expect(router.calls.isEmpty)
    }

    @Test func `a step with an item that takes its text from an answer waits for the answer`() async throws {
        let route = Route(.legalServices, "unfair-term")
        let request = Request(
            eventID: "e", channel: .machine,
            steps: [
                RequestedStep(route: route, items: [.reference(ItemReference(step: 1)), "own"]),
                RequestedStep(route: route, items: ["a", "b"]),
                RequestedStep(route: route, items: ["c", .reference(ItemReference(step: 1, select: .label))]),
            ])
        let steps = try #require(try await planner().plans(for: [request], catalog: .builtIn).first).get().steps
        #expect(steps.map(\.state) == [.waiting, .dispatched, .waiting])
        #expect(steps.map(\.dependsOn) == [[1], [], [1]])
        #expect(steps[0].items.first == Item(text: "", from: ItemReference(step: 1, item: 0)))
        #expect(steps[2].items.last == Item(text: "", from: ItemReference(step: 1, item: 1, select: .label)))
    }

    @Test func `each item that the router finds is routed by itself`() async throws {
        let decomposition = try await plan("music and lights")
        #expect(routed(decomposition) == ["decomposition/route": [], Self.intent: ["music", "lights"]])
        #expect(decomposition.steps.map(\.state) == [.answered, .dispatched])
        #expect(decomposition.steps.last?.items.map(\.span) == [Item.Span(0, 5), Item.Span(10, 16)])
    }

    @Test func `an item of two routes is in two steps`() async throws {
        let decomposition = try await plan("both")
        #expect(routed(decomposition) == ["decomposition/route": [], Self.clause: ["both"], Self.intent: ["both"]])
    }

    @Test func `what fits no capability stays with the routing and is answered`() async throws {
        let routing = try #require(try await plan("weather").steps.first)
        #expect(routing.route == .decomposition)
        #expect(routing.state == .answered)
        #expect(routing.items.map(\.text) == ["weather"])
        #expect(
            routing.answers == [Answer(.label("none"), confidence: 0.9, decidedBy: .worker, model: "router@3")])
    }

    @Test func `an unsure routing is dispatched, with the open items alone`() async throws {
        let decomposition = try await plan("Some music\nThe weather\nWhat now?")
        let routing = try #require(decomposition.steps.first)
        #expect(routing.state == .dispatched)
        #expect(routing.items.map(\.text) == ["The weather", "What now?"])
        #expect(routing.answers.map { $0?.label } == ["none", nil])
        #expect(
            routing.guesses
                == [nil, Answer(.label("none"), confidence: 0.9, decidedBy: .worker, model: "router@3")])
        #expect(routed(decomposition)[Self.intent] == ["Some music"])
    }

    @Test func `all human requests of a batch are read in one call`() async throws {
        let attachment = Contracts.Attachment(name: "a", mediaType: "text/plain", text: "a party")
        let machine = Request(
            eventID: "m", channel: .machine, steps: [RequestedStep(route: Route(.legalServices, "x"), items: ["a"])])
        let requests = [
            human("music and lights"), machine,
            Request(eventID: "e", channel: .human, text: "weather", attachments: [attachment]),
            Request(eventID: "e", channel: .human, attachments: [attachment]),
        ]
        let plans = try await planner().plans(for: requests, catalog: .builtIn)
        #expect(plans.count == 4)
        #expect(router.calls == [[["music and lights"], ["weather", "a party"], ["", "a party"]]])
    }

    @Test func `where a lane yields, the requests are read one after another, and none is left out`() async throws {
        let texts = (0..<20).map { "music \($0)" }
        let plans = try await planner(gate: LaneGate()).plans(for: texts.map(human), catalog: .builtIn)
        #expect(try plans.map { try routed($0.get())[Self.intent] } == texts.map { [$0] })
        #expect(router.calls.first == [[texts[0]]])
        #expect(router.calls.joined().joined().map(\.self) == texts)
    }

    @Test func `the routing's attempt is the reading of all texts, whatever the full model alone would have consumed`()
        async throws
    {
        let attachment = Contracts.Attachment(name: "a", mediaType: "text/plain", text: "a party")
        let request = Request(eventID: "e", channel: .human, text: "music and lights", attachments: [attachment])
        let plan = try #require(try await planner().plans(for: [request], catalog: .builtIn).first).get()
        let attempt = try #require(plan.attempt)
        #expect(attempt.kind == .router)
        #expect(attempt.model == "router")
        #expect(attempt.version == "3")
        #expect(attempt.items == 3)
        #expect(attempt.usage == TokenUsage(inputTokens: 16 + 7, flops: 23_000))
        // The full model alone would not be asked where to send them.
        #expect(attempt.counterfactual == .zero)
    }

    @Test func `only items that fit no capability have a counterfactual in the routing`() async throws {
        let plan = try await plan("Some music\nThe weather\nMore weather?\nweather")
        #expect(plan.attempt?.counterfactual.inputTokens == Int64("The weather".count + "weather".count))
        #expect(plan.answered == 2)
    }

    @Test func `a text with more items than any plan holds is refused, and its reading is charged`() async throws {
        let lines = (0...Limits.itemsPerPlan).map { "\($0)" }.joined(separator: "\n")
        let request = Request(
            eventID: "e", channel: .human, attachments: [.init(name: "a.csv", mediaType: "text/csv", text: lines)])
        let plan = try #require(try await planner().plans(for: [request], catalog: .builtIn).first)
        let refusal = #expect(throws: Refusal.self) { try plan.get() }
        #expect(refusal?.attempt.items == Limits.itemsPerPlan + 1)
        #expect(refusal?.attempt.usage.inputTokens == Int64(lines.count))
        #expect(refusal?.reason.message == "the text has more than 1024 items, the maximum of a plan")
    }

    private func lines(_ count: Int, _ word: String, _ end: String = "") -> String {
        (0..<count).map { "- \(word) \($0)\(end)" }.joined(separator: "\n")
    }

    @Test func `a text whose items need more steps than a plan holds is refused`() async throws {
        let requests = [lines(15 * 64, "music"), lines(15 * 64 + 1, "music")]
        let plans = try await planner().plans(for: requests.map(human), catalog: .builtIn)
        #expect(try plans[0].get().steps.count == 16)
        let refusal = #expect(throws: Refusal.self) { try plans[1].get() }
        #expect(refusal?.reason.code == .tooLarge)
        #expect(
            refusal?.reason.message
                == "the text needs 17 steps of at most 64 items of one task each, and a plan has at most 16 steps"
        )
        // The router has read the whole text.
        #expect(refusal?.attempt.items == 15 * 64 + 1)
        #expect(refusal?.attempt.state == .settled)
    }

    @Test func `what the router leaves open takes as many routing steps as it needs, before all others`() async throws {
        let text = lines(64, "weather") + "\n" + lines(70, "what", "?") + "\n" + lines(3, "music")
        let steps = try await plan(text).steps
        #expect(steps.map(\.ordinal) == [0, 1, 2, 3])
        #expect(steps.map(\.route.description) == Array(repeating: "decomposition/route", count: 3) + [Self.intent])
        #expect(steps.map(\.items.count) == [64, 64, 6, 3])
        // The first one contains only items that fit no capability, so no model is needed.
        #expect(steps.map(\.state) == [.answered, .dispatched, .dispatched, .dispatched])
        #expect(steps[0].answers.allSatisfy { $0?.label == "none" })
        #expect((steps[1].answers + steps[2].answers).allSatisfy { $0 == nil })
    }

    @Test func `routing steps count against the steps of a plan`() async throws {
        #expect(try await plan(lines(16 * 64, "what", "?")).steps.count == 16)
        let texts = [lines(15 * 64 + 1, "what", "?") + "\n- music"]
        let plans = try await planner().plans(for: texts.map(human), catalog: .builtIn)
        let refusal = #expect(throws: Refusal.self) { try plans[0].get() }
        #expect(refusal?.reason.message.contains("needs 17 steps") == true)
    }

    @Test func `the full model routes what a failing router cannot, and the failed call is in the ledger`()
        async throws
    {
        let ill = ScriptedRouter { _ throws(InferenceError) in throw InferenceError(.unavailable, "no memory") }
        let planner = Planner(router: ill, counterfactual: try Tree.counterfactual())
        // The loop retries as long as another try may help.
        await #expect(throws: InferenceError.self) {
            try await planner.plans(for: [human("play music")], catalog: .builtIn)
        }
        let plans = try await planner.plans(for: [human("play music")], catalog: .builtIn, isLastTry: true)
        let plan = try #require(plans.first).get()
        #expect(plan.attempt?.state == .failed)
        #expect(plan.attempt?.error == "unavailable")
        #expect(plan.steps.map(\.state) == [.dispatched])
        #expect(plan.steps.first?.items.count == 1 && plan.steps.first?.answers == [nil])
        #expect(plan.steps.first?.guesses == [nil])
    }

    @Test func `where the router fails, each text goes to the full model as one`() async throws {
        let ill = ScriptedRouter { _ throws(InferenceError) in throw InferenceError(.invalidAnswer, "no label") }
        let planner = Planner(router: ill, counterfactual: try Tree.counterfactual())
        let attachments = ["x", "y"].map { Contracts.Attachment(name: $0, mediaType: "text/plain", text: "in\n\($0)") }
        let requests = ["play\nmusic", " "].map {
            Request(eventID: "e", channel: .human, text: $0, attachments: attachments)
        }
        let plans = try await planner.plans(for: requests, catalog: .builtIn).map { try $0.get() }
        #expect(plans.map { $0.steps.flatMap(\.items).map(\.source) } == [[nil, "x", "y"], ["x", "y"]])
        #expect(plans.first?.steps.first?.items.map(\.text) == ["play\nmusic", "in\nx", "in\ny"])
        #expect(plans.first?.steps.first?.items.map(\.span) == [Item.Span(0, 10), Item.Span(0, 4), Item.Span(0, 4)])
    }

    @Test
    func `a text that the router cannot answer is routed by the full model, and the other requests by the router`()
        async throws
    {
        let picky = ScriptedRouter { text throws(InferenceError) in
            guard text != "poison" else { throw InferenceError(.invalidAnswer, "no label") }
            return .of(text, Self.intent)
        }
        let planner = Planner(router: picky, counterfactual: try Tree.counterfactual())
        let plans = try await planner.plans(for: ["music", "poison", "lights"].map(human), catalog: .builtIn).map {
            try $0.get()
        }
        #expect(plans.map { $0.steps.first?.state } == [.answered, .dispatched, .answered])
        #expect(plans.map { $0.attempt?.state } == [.settled, .failed, .settled])
    }
}
