import BuiltInCatalog
import Contracts
import Inference
import TestKit
import Testing

@testable import Decomposer

/// Where the items of a request are, and what becomes of a text that has none.
extension PlannerTests {
    @Test func `text outside of items gets no answer`() async throws {
        #expect(
            try await routed(plan("Hello there\nmusic\nHello again"))
                == ["decomposition/route": [], Self.intent: ["music"]])
    }

    @Test func `a text without items is one that fits nothing`() async throws {
        let text = "Hello there\nHello again"
        let plan = try await plan(text)
        let routing = try #require(plan.steps.first)
        #expect(plan.steps.count == 1 && routing.state == .answered)
        #expect(routing.items == [Item(text: text, span: Item.Span(0, text.count))])
        #expect(
            routing.answers == [Answer(.label("none"), confidence: 0.8, decidedBy: .worker, model: "router@3")])
        #expect(plan.answered == 1 && plan.attempt?.counterfactual.inputTokens == Int64(text.count))
    }

    @Test func `a text that may have no items goes to the full model`() async throws {
        let routing = try #require(try await plan("Hello?").steps.first)
        #expect(routing.state == .dispatched && routing.answers == [nil])
        #expect(routing.guesses.map { $0?.label } == ["none"])
    }

    @Test func `attachments without items are answered where the request has no text of its own`() async throws {
        let attachments = ["x", "y"].map {
            Contracts.Attachment(name: $0, mediaType: "text/plain", text: "Hello \($0)")
        }
        let requests = [" \n", nil, "Hello"].map {
            Request(eventID: "e", channel: .human, text: $0, attachments: attachments)
        }
        let plans = try await planner().plans(for: requests, catalog: .builtIn).map { try $0.get() }
        #expect(
            plans.map { $0.steps.flatMap(\.items).map(\.text) } == [
                ["Hello x", "Hello y"], ["Hello x", "Hello y"], ["Hello"],
            ])
        #expect(plans.allSatisfy { $0.steps.map(\.state) == [.answered] })
    }

    @Test func `items of attachments name their source`() async throws {
        let attachment = Contracts.Attachment(name: "list.txt", mediaType: "text/plain", text: "x\nmusic")
        let request = Request(eventID: "e", channel: .human, text: "lights", attachments: [attachment])
        let plan = try #require(try await planner().plans(for: [request], catalog: .builtIn).first).get()
        #expect(
            plan.steps.last?.items == [
                Item(text: "lights", span: Item.Span(0, 6)),
                Item(text: "music", span: Item.Span(2, 7), source: "list.txt"),
            ])
    }

    @Test func `a repeated line is answered as often as it occurs`() async throws {
        let items = try await plan("- music\n- music").steps.flatMap(\.items)
        #expect(items.map(\.span) == [Item.Span(2, 7), Item.Span(10, 15)])
    }

    /// For every input, a span in code points selects exactly the item's text from its source.
    @Test(arguments: UInt64(0)..<300)
    func `every span cuts its item out of its source`(seed: UInt64) async throws {
        var generator = Seeded(seed)
        let alphabet = [
            "a", "B", " ", "\n", "\r\n", "\"", "“", "e\u{301}", "\u{301}", "\u{200D}", "👩🏽‍🚀", "🇪🇺", "🇪", "漢", "\u{0}",
            "\u{2028}", "\u{FEFF}", "ﷺ", "क्षि", "각", "\u{1F3FD}",
        ]
        let texts = (0..<2).map { _ in
            "x"
                + (0..<Int.random(in: 1...60, using: &generator)).map { _ in
                    alphabet[Int.random(in: alphabet.indices, using: &generator)]
                }.joined()
        }
        // An item begins at every third scalar, and has two.
        let cutting = ScriptedRouter(cut: { text in
            let places = Array(text.unicodeScalars.indices) + [text.endIndex]
            return stride(from: 0, to: places.count - 2, by: 3).map { places[$0]..<places[$0 + 2] }
        }) { .of($0, Self.intent, isSure: !$0.contains("a")) }
        let planner = Planner(router: cutting, counterfactual: try Tree.counterfactual())
        let attachment = Contracts.Attachment(name: "a", mediaType: "text/plain", text: texts[1])
        let request = Request(eventID: "e", channel: .human, text: texts[0], attachments: [attachment])
        let items = try #require(try await planner.plans(for: [request], catalog: .builtIn).first).get().steps
            .flatMap(\.items)
        #expect(items.count == texts.reduce(0) { $0 + ($1.unicodeScalars.count + 1) / 3 })
        for item in items {
            let source = Array((item.source == nil ? texts[0] : texts[1]).unicodeScalars)
            let span = try #require(item.span)
            #expect(span.end == span.start + 2)
            #expect(Array(item.text.unicodeScalars) == Array(source[span.start..<span.end]))
        }
    }
}
