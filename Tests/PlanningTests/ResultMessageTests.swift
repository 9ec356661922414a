import Contracts
import JSON
import Planning
import Store
import TestKit
import Testing

struct ResultMessageTests {
    @Test func `a result has the shape that integrators were promised`() {
        let step = Step(
            ordinal: 0, route: Fixture.clause,
            items: [
                Item(text: "é", span: Item.Span(3, 4), source: "a.md"), Item(text: "b"), Item(text: "c"),
                Item(text: "d"),
            ],
            state: .answered,
            answers: [
                Answer(.label("x"), confidence: 0.25, decidedBy: .worker, model: "m@1"),
                Answer(.label("y"), confidence: 1, decidedBy: .full, model: "full@2"),
                Answer(.text("z"), confidence: 0, evidence: .none, decidedBy: .full, model: "endpoint:big@3"),
                Answer(
                    .json("[1]"), confidence: 0.5, evidence: .sampled, decidedBy: .full, model: "endpoint:big@3"),
            ])
        let totals = LedgerTotals(
            usage: TokenUsage(inputTokens: 1, outputTokens: 2, flops: 3), cost: PicoDollars(4),
            counterfactualUsage: TokenUsage(inputTokens: 5, flops: 6), counterfactualCost: PicoDollars(7))
        let text = String(
            decoding: ResultMessage.encode(Fixture.snapshot(.completed, [step], totals: totals)), as: UTF8.self)
        let items =
            #"{"text":"é","span":[3,4],"source":"a.md","label":"x","output":{"kind":"label","label":"x"},"confidence":0.25,"decidedBy":"worker","model":"m@1"},"#
            + #"{"text":"b","label":"y","output":{"kind":"label","label":"y"},"confidence":1.0,"decidedBy":"full","model":"full@2"},"#
            + #"{"text":"c","output":{"kind":"text","text":"z"},"evidence":"none","decidedBy":"full","model":"endpoint:big@3"},"#
            + #"{"text":"d","output":{"kind":"json","json":[1]},"confidence":0.5,"evidence":"sampled","decidedBy":"full","#
            + #""model":"endpoint:big@3"}"#
        #expect(
            text == #"{"id":"their-id","requestId":"\#(Request.ID.numbered(1))","status":"completed","#
                + #""steps":[{"capability":"legal-services","task":"clause-type","status":"answered","items":[\#(items)]}],"#
                + #""usage":{"inputTokens":1,"outputTokens":2,"flops":3,"fullModelTokens":5,"fullModelFlops":6},"#
                + #""cost":{"picoUSD":4,"fullModelPicoUSD":7}}"#)
    }

    @Test func `the cost is the one of the moment when the request became final`() {
        var snapshot = Fixture.snapshot(.cancelled, [Fixture.step(0, Fixture.clause, ["a"], .cancelled)])
        snapshot.totals.cost = PicoDollars(9)
        snapshot.resultCost = ResultCost(totals: .zero, isFinal: false)
        let text = String(decoding: ResultMessage.encode(snapshot), as: UTF8.self)
        #expect(text.hasSuffix(#""cost":{"picoUSD":0,"fullModelPicoUSD":0,"final":false}}"#))
    }

    @Test func `an erased result has its status and cost, and none of its steps`() {
        var snapshot = Fixture.snapshot(
            .failed, [Fixture.step(0, Fixture.clause, ["secret"], .failed)], error: "the step failed")
        snapshot.erasedAt = Timestamp(milliseconds: 5)
        let text = String(decoding: ResultMessage.encode(snapshot), as: UTF8.self)
        #expect(
            text.hasPrefix(
                #"{"id":"their-id","requestId":"\#(Request.ID.numbered(1))","status":"failed","#
                    + #""error":"the step failed","erased":true,"steps":[],"usage":{"#))
    }

    @Test func `steps that are past retention are gone, and steps that never were are not`() {
        var snapshot = Fixture.snapshot(.completed, [])
        snapshot.completedAt = Timestamp(milliseconds: 2)
        #expect(snapshot.isErased)
        snapshot.state = .cancelled
        #expect(snapshot.isErased)
        snapshot.completedAt = snapshot.acceptedAt
        #expect(!snapshot.isErased)
        snapshot.state = .rejected
        #expect(!snapshot.isErased)
    }

    @Test(arguments: [(3, true), (4, false)])
    func `a result above the limit leaves out the texts and keeps the spans`(routes: Int, hasText: Bool) throws {
        let text = String(repeating: "a", count: Limits.resultBytes / 4)
        let steps = (0..<routes).map { ordinal in
            Step(
                ordinal: ordinal, route: Fixture.clause, items: [Item(text: text, span: Item.Span(0, text.utf8.count))],
                dependsOn: [], state: .answered, answers: [Fixture.answer("x")])
        }
        let bytes = ResultMessage.encode(Fixture.snapshot(.completed, steps))
        #expect(bytes.count <= Limits.resultBytes)
        try JSONDocument.read(bytes) { root in
            let steps = root["steps"]?.map(\.self) ?? []
            let items = steps.flatMap { $0["items"]?.map(\.self) ?? [] }
            #expect(items.count == routes)
            #expect(items.allSatisfy { ($0["text"] != nil) == hasText })
            #expect(items.allSatisfy { $0["span"]?.map { $0.integer } == [0, text.utf8.count] })
            #expect(items.allSatisfy { $0["label"]?.string == "x" })
        }
    }

    @Test(arguments: [(1, true), (Limits.resultBytes, false)])
    func `an item shows its text and the answer that it came from, which a large result keeps`(
        count: Int, hasText: Bool
    ) throws {
        let text = String(repeating: "a", count: count)
        let items = [
            Item(text: text, from: ItemReference(step: 0, item: 1, select: .label)),
            Item(text: "", from: ItemReference(step: 2, item: 0)),
        ]
        let step = Step(ordinal: 1, route: Fixture.clause, items: items, dependsOn: [0, 2], state: .cancelled)
        try JSONDocument.read(ResultMessage.encode(Fixture.snapshot(.cancelled, [step]))) { root in
            let items = root["steps"]?.map { $0["items"]?.map(\.self) ?? [] }?.first ?? []
            #expect(items.map { $0["text"]?.string } == [hasText ? text : nil, nil])
            #expect(items.map { $0["from"]?.integer } == [0, 2])
            #expect(items.map { $0["item"]?.integer } == [1, 0])
            #expect(items.map { $0["select"]?.string } == ["label", nil])
        }
    }

    @Test func `a rejected request says why, and has the other members too`() throws {
        let view = try View(Fixture.snapshot(.rejected, channel: nil, error: "empty_text: text is empty"))
        #expect(view.status == "rejected")
        #expect(view.error == "empty_text: text is empty")
        #expect(view.steps.isEmpty)
        #expect(view.hasUsageAndCost)
    }

    @Test func `a machine reads its steps as it named them`() throws {
        let steps = [
            Fixture.step(0, Fixture.clause, ["a"], .answered, answers: [Fixture.answer("x")]),
            Fixture.step(1, Fixture.unfair, ["b"], .failed, error: "the step failed"),
            Fixture.step(2, Fixture.clause, ["c"], .cancelled, error: "a step that it depends on was not answered"),
        ]
        let view = try View(Fixture.snapshot(.failed, steps, error: "the step failed"))
        #expect(view.status == "failed")
        #expect(
            view.steps == [
                .init("legal-services/clause-type", "answered", nil, ["a": "x"]),
                .init("legal-services/unfair-term", "failed", "the step failed", ["b": nil]),
                .init(
                    "legal-services/clause-type", "cancelled", "a step that it depends on was not answered", ["c": nil]),
            ])
    }

    @Test func `a human reads the items of one route together and in the order of the text`() throws {
        func item(_ text: String, _ start: Int, _ source: String? = nil) -> Item {
            Item(text: text, span: Item.Span(start, start + 1), source: source)
        }
        func step(_ ordinal: Int, _ route: Route, _ items: [Item]) -> Step {
            Step(
                ordinal: ordinal, route: route, items: items, state: .answered,
                answers: items.map { Fixture.answer("label of \($0.text)") })
        }
        let steps = [
            step(1, Fixture.clause, [item("b", 10), item("d", 5, "one.md")]), step(2, Fixture.unfair, [item("x", 0)]),
            step(3, Fixture.clause, [item("c", 0, "one.md"), item("a", 2), item("e", 0, "two.md")]),
        ]
        let view = try View(Fixture.snapshot(.completed, channel: .human, steps))
        #expect(view.steps.map(\.route) == ["legal-services/clause-type", "legal-services/unfair-term"])
        #expect(view.order.first == ["a", "b", "c", "d", "e"])
        #expect(view.steps.first?.labels == ["a", "b", "c", "d", "e"].reduce(into: [:]) { $0[$1] = "label of \($1)" })
    }

    @Test func `steps of one route that ended differently stay apart`() throws {
        let steps = [
            Fixture.step(1, Fixture.clause, ["a"], .answered, answers: [Fixture.answer("x")]),
            Fixture.step(2, Fixture.clause, ["b"], .failed, error: "why"),
        ]
        let view = try View(Fixture.snapshot(.failed, channel: .human, steps))
        #expect(view.steps.map(\.status) == ["answered", "failed"])
    }

    @Test func `of the routing a human reads only what fits no capability`() throws {
        let routing = Fixture.step(
            0, .decomposition, ["a", "b", "c"], .answered,
            answers: [
                Fixture.answer("none"), Fixture.answer("legal-services/clause-type", .full),
                Fixture.answer("none", .full),
            ])
        let answered = Fixture.step(1, Fixture.clause, ["b"], .answered, answers: [Fixture.answer("x")])
        let view = try View(Fixture.snapshot(.completed, channel: .human, [routing, answered]))
        #expect(view.steps.map(\.route) == ["decomposition/route", "legal-services/clause-type"])
        #expect(view.order == [["a", "c"], ["b"]])
    }

    @Test func `several routing steps read as one, in the order of the text`() throws {
        func routing(_ ordinal: Int, _ text: String, at start: Int, _ label: String) -> Step {
            Step(
                ordinal: ordinal, route: .decomposition, items: [Item(text: text, span: Item.Span(start, start + 1))],
                state: .answered, answers: [Fixture.answer(label, .full)])
        }
        let steps = [
            routing(0, "c", at: 9, "none"), routing(1, "a", at: 2, "none"),
            routing(2, "b", at: 5, "legal-services/clause-type"),
        ]
        let view = try View(Fixture.snapshot(.completed, channel: .human, steps))
        #expect(view.steps.map(\.route) == ["decomposition/route"])
        #expect(view.order == [["a", "c"]])
    }

    @Test func `a routing with nothing left over is not shown`() throws {
        let routing = Fixture.step(0, .decomposition, [], .answered)
        let answered = Fixture.step(1, Fixture.clause, ["b"], .answered, answers: [Fixture.answer("x")])
        let view = try View(Fixture.snapshot(.completed, channel: .human, [routing, answered]))
        #expect(view.steps.map(\.route) == ["legal-services/clause-type"])
    }

    @Test func `a routing that failed shows the items that nobody answered`() throws {
        let routing = Fixture.step(
            0, .decomposition, ["a", "b"], .expired, answers: [Fixture.answer("none"), nil],
            error: "the deadline passed")
        let view = try View(Fixture.snapshot(.expired, channel: .human, [routing]))
        #expect(view.order == [["a", "b"]])
        #expect(view.steps.first?.error == "the deadline passed")
    }
}

/// A result, parsed for the tests.
private struct View {
    struct Step: Equatable {
        var route: String
        var status: String
        var error: String?
        var labels: [String: String?]

        init(_ route: String, _ status: String, _ error: String?, _ labels: [String: String?]) {
            (self.route, self.status, self.error, self.labels) = (route, status, error, labels)
        }
    }

    var status: String?
    var error: String?
    var steps: [Step] = []
    /// The texts of each step.
    var order: [[String]] = []
    var hasUsageAndCost = false

    init(_ snapshot: RequestSnapshot) throws {
        try JSONDocument.read(ResultMessage.encode(snapshot)) { root in
            status = root["status"]?.string
            error = root["error"]?.string
            hasUsageAndCost = root["usage"]?["flops"]?.integer != nil && root["cost"]?["picoUSD"]?.integer != nil
            for step in root["steps"]?.map({ $0 }) ?? [] {
                let items = step["items"]?.map { ($0["text"]?.string ?? "", $0["label"]?.string) } ?? []
                order.append(items.map(\.0))
                steps.append(
                    Step(
                        "\(step["capability"]?.string ?? "")/\(step["task"]?.string ?? "")",
                        step["status"]?.string ?? "", step["error"]?.string,
                        items.reduce(into: [:]) { $0[$1.0] = $1.1 }))
            }
        }
    }
}
