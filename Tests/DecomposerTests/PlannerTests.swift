import BuiltInCatalog
import Contracts
import Inference
import TestKit
import Testing

@testable import Decomposer

struct PlannerTests {
    private static let clause = "legal-services/clause-type"
    private static let intent = "semantic-understanding/intent"
    private static let issue = "software-development/issue-type"
    private static let attack = "security-services/prompt-attack"

    /// Returns the last of these routes that the text contains, and is unsure if the text contains a question mark.
    private let router = ScriptedClassifier("router", version: "3", routes: [.decomposition]) { text, _ in
        let words = [
            ("music", intent), ("lights", intent), ("party", clause), ("crash", issue), ("ignore", attack),
            ("weather", "none"),
            ("both", "\(clause),\(intent)"),
        ]
        let label = words.last { text.contains($0.0) }?.1 ?? "none"
        return .of(text, label, 0.9, isSure: !text.contains("?"))
    }

    private func planner() throws -> Planner {
        let segmenter = Segmenter { sentence in
            guard let range = sentence.firstRange(of: " and ") else { return [sentence.startIndex..<sentence.endIndex] }
            return [sentence.startIndex..<range.lowerBound, range.upperBound..<sentence.endIndex]
        }
        return Planner(segmenter: segmenter, router: router, counterfactual: try Tree.counterfactual())
    }

    private func human(_ text: String) -> Request { Request(eventID: "e", channel: .human, text: text) }

    private func plan(_ text: String) async throws -> Decomposition {
        try #require(try await planner().plans(for: [human(text)], catalog: .builtIn).first).get()
    }

    private func routed(_ decomposition: Decomposition) -> [String: [String]] {
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

    @Test func `a compound wish is routed part by part`() async throws {
        let decomposition = try await plan("music and lights")
        #expect(routed(decomposition) == ["decomposition/route": [], Self.intent: ["music", "lights"]])
        #expect(decomposition.steps.map(\.state) == [.answered, .dispatched])
        #expect(decomposition.steps.last?.items.map(\.span) == [Item.Span(0, 5), Item.Span(10, 16)])
    }

    @Test func `a clause is not cut at its conjunctions`() async throws {
        #expect(try await routed(plan("one party and another"))[Self.clause] == ["one party and another"])
    }

    @Test func `a document is taken whole where the router is sure of it`() async throws {
        let report = "It started well. Then a crash came."
        #expect(try await routed(plan(report))[Self.issue] == [report])
        let attack = "Now music. But ignore it."
        #expect(try await routed(plan(attack))[Self.attack] == [attack])
    }

    @Test func `a doubtful document stays whole, and the full model is asked about it`() async throws {
        let report = "Why does it crash? It started well."
        let decomposition = try await plan(report)
        #expect(routed(decomposition) == ["decomposition/route": [report]])
        #expect(decomposition.steps.map(\.state) == [.dispatched])
        #expect(decomposition.steps.first?.answers == [nil])
    }

    @Test func `a text of several sentences that is no document is routed sentence by sentence`() async throws {
        let decomposition = try await plan("Some music. Another party.")
        #expect(
            routed(decomposition) == [
                "decomposition/route": [], Self.intent: ["Some music."], Self.clause: ["Another party."],
            ])
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
        let decomposition = try await plan("Some music. The weather. What now?")
        let routing = try #require(decomposition.steps.first)
        #expect(routing.state == .dispatched)
        #expect(routing.items.map(\.text) == ["The weather.", "What now?"])
        #expect(routing.answers.map { $0?.label } == ["none", nil])
        #expect(
            routing.guesses
                == [nil, Answer(.label("none"), confidence: 0.9, decidedBy: .worker, model: "router@3")])
        #expect(routed(decomposition)[Self.intent] == ["Some music."])
    }

    @Test func `of a long document the beginning is enough, and of a long sentence it is not`() async throws {
        let cutting = ScriptedClassifier("router", version: "3", routes: [.decomposition]) { text, _ in
            var prediction = Prediction.of(text, text.contains("party") ? Self.clause : Self.issue)
            prediction.isTruncated = true
            return prediction
        }
        let segmenter = Segmenter { sentence in
            guard let range = sentence.firstRange(of: " and ") else { return [sentence.startIndex..<sentence.endIndex] }
            return [sentence.startIndex..<range.lowerBound, range.upperBound..<sentence.endIndex]
        }
        let planner = Planner(segmenter: segmenter, router: cutting, counterfactual: try Tree.counterfactual())
        let (report, clause) = ("It started well. Then a crash came.", "one party and another")
        _ = try await planner.plans(for: [human(report), human(clause)], catalog: .builtIn)
        #expect(cutting.calls.map(\.texts) == [[report, clause], [clause]])
    }

    @Test func `all requests of a batch are routed in two calls`() async throws {
        let texts = ["music and lights", "Some music. Another party.", "weather"]
        let plans = try await planner().plans(for: texts.map(human), catalog: .builtIn)
        #expect(plans.count == 3)
        #expect(
            router.calls.map(\.texts) == [
                ["music and lights", "Some music. Another party."],
                ["music", "lights", "Some music.", "Another party.", "weather"],
            ])
    }

    @Test func `the routing's attempt holds both calls and what the full model would have consumed`() async throws {
        let attempt = try #require(try await plan("music and lights").attempt)
        #expect(attempt.kind == .router)
        #expect(attempt.model == "router")
        #expect(attempt.version == "3")
        #expect(attempt.items == 2)
        #expect(attempt.usage.inputTokens == 16 + 5 + 6)
        // The full model alone would not be asked where to send them.
        #expect(attempt.counterfactual == .zero)
    }

    @Test func `only items that fit no capability have a counterfactual in the routing`() async throws {
        let plan = try await plan("Some music. The weather. More weather? weather")
        #expect(plan.attempt?.counterfactual.inputTokens == Int64("The weather.".count + "weather".count))
        #expect(plan.answered == 2)
    }

    @Test func `a text of more lines than any plan holds is refused before a model is asked`() async throws {
        let lines = (0...Limits.itemsPerPlan).map { "\($0)" }.joined(separator: "\n")
        let request = Request(
            eventID: "e", channel: .human, attachments: [.init(name: "a.csv", mediaType: "text/csv", text: lines)])
        let plan = try #require(try await planner().plans(for: [request], catalog: .builtIn).first)
        let refusal = #expect(throws: Refusal.self) { try plan.get() }
        #expect(refusal?.attempt == nil)
        #expect(refusal?.reason.message == "the text has more than 1024 items, the maximum of a plan")
        #expect(router.calls.isEmpty)
    }

    private func lines(_ count: Int, _ word: String, _ end: String = "") -> String {
        (0..<count).map { "- \(word) \($0)\(end)" }.joined(separator: "\n")
    }

    @Test func `a text with more items than a plan holds is refused`() async throws {
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
        #expect(refusal?.attempt?.items == 15 * 64 + 1)
        #expect(refusal?.attempt?.state == .settled)
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
        let ill = ScriptedClassifier(routes: [.decomposition]) { _, _ in
            throw InferenceError(.unavailable, "no memory")
        }
        let planner = Planner(
            segmenter: Segmenter { _ in [] }, router: ill, counterfactual: try Tree.counterfactual())
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

    @Test
    func `a text that the router cannot answer is routed by the full model, and the other requests by the router`()
        async throws
    {
        let picky = ScriptedClassifier(routes: [.decomposition]) { text, _ in
            guard text != "poison" else { throw InferenceError(.invalidAnswer, "no label") }
            return .of(text, Self.intent)
        }
        let planner = Planner(
            segmenter: Segmenter { _ in [] }, router: picky, counterfactual: try Tree.counterfactual())
        let plans = try await planner.plans(for: ["music", "poison", "lights"].map(human), catalog: .builtIn).map {
            try $0.get()
        }
        #expect(plans.map { $0.steps.first?.state } == [.answered, .dispatched, .answered])
        #expect(plans.map { $0.attempt?.state } == [.settled, .failed, .settled])
    }

    @Test(arguments: ["```", "> ", "```\n```", "-", ">"])
    func `a text that consists of marks only is one item`(text: String) async throws {
        let items = try await plan(text).steps.flatMap(\.items)
        #expect(items.count == 1)
    }

    @Test func `a repeated line is answered as often as it occurs`() async throws {
        let items = try await plan("- music\n- music").steps.flatMap(\.items)
        #expect(items.map(\.span) == [Item.Span(2, 7), Item.Span(10, 15)])
    }
}
