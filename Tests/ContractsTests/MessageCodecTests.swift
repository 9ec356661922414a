import BuiltInCatalog
import Contracts
import JSON
import Testing

struct MessageCodecTests {
    static let route = Route(.softwareDevelopment, "issue-type")
    static let texts = [
        "plain", "", "quote \" backslash \\ slash /", "\u{0}\u{1}\u{8}\u{C}\r\n\t\u{1F}\u{7F}", "e\u{301} and \u{E9}",
        "👩🏽‍🚀🇪🇺", "\u{2028}\u{2029}\u{FEFF}", "漢字", "</script>", String(repeating: "long ", count: 5000),
    ]

    static let answers: [Answer?] = [
        Answer(.label("bug"), confidence: 0.999_999, decidedBy: .worker, model: "software-development@1.0.0+ab"), nil,
        Answer(.label("a,\u{0}\"é"), confidence: 0, decidedBy: .full, model: "full@2"), nil,
        Answer(.label("x"), confidence: 1, decidedBy: .worker, model: "", isDegraded: true),
        Answer(.label("y"), confidence: 0.5, decidedBy: .full, model: "", isTruncated: true, isUnfamiliar: true),
        Answer(.label("z"), confidence: 0.75, decidedBy: .middle, model: "full@2"),
    ]

    static let attempts = [
        Attempt(
            number: 1, kind: .worker, model: "m", version: "1", items: 5,
            usage: TokenUsage(inputTokens: 1, outputTokens: 2, flops: 1_000_000_000_000_000_000), durationMicros: 12,
            startedAt: Timestamp(milliseconds: 1_790_000_000_123),
            counterfactual: TokenUsage(inputTokens: 3, flops: 4)),
        Attempt(
            number: 2, kind: .full, state: .failed, model: "full", version: "2", items: 0, usage: .zero,
            durationMicros: 0, startedAt: Timestamp(milliseconds: 0), error: "compute"),
        Attempt(
            number: 3, kind: .router, state: .unknown, model: "r", version: "", items: 1, usage: .zero,
            durationMicros: 0, startedAt: Timestamp(milliseconds: 1)),
        Attempt(
            number: 4, kind: .shadow, state: .started, model: "s", version: "", items: 1, usage: .zero,
            durationMicros: 10_000_000_000_000, startedAt: .last),
        Attempt(
            number: 5, kind: .middle, model: "full", version: "2", items: 1, usage: .zero, durationMicros: 1,
            startedAt: Timestamp(milliseconds: 1)),
    ]

    @Test func `a step command comes back as it was`() throws {
        let command = StepCommand(step: 15, route: Self.route, items: Self.texts)
        #expect(try StepCommand(decoding: command.encode()) == command)
        let many = StepCommand(
            step: 0, route: Self.route, items: (0..<64).map { "\($0) 🚀" }, catalogVersion: 9_007_199_254_740_993)
        #expect(try StepCommand(decoding: many.encode()) == many)
    }

    @Test func `texts keep their very code points`() throws {
        let command = StepCommand(step: 0, route: Self.route, items: Self.texts)
        let back = try StepCommand(decoding: command.encode())
        #expect(back.items.map { Array($0.unicodeScalars) } == Self.texts.map { Array($0.unicodeScalars) })
    }

    static let context = ItemContext(before: "Which of these?\n- ", after: "\n- \u{0}🚀", request: "Please \"check\".")

    @Test func `an item comes back with its context`() throws {
        let items = [
            Item(text: "a", span: Item.Span(3, 4), source: "log", context: Self.context), Item(text: "b"),
        ]
        #expect(try Item.decode(Item.encode(items)) == items)
    }

    @Test func `a context of the greatest length comes back, and a longer one is refused`() throws {
        // Two bytes each.
        let longest = String(repeating: "é", count: ItemContext.mostBytes / 2)
        let item = Item(text: "a", context: ItemContext(before: longest, after: longest, request: longest))
        #expect(try Item.decode(Item.encode([item])) == [item])
        for context in [
            ItemContext(before: longest + "b", after: ""), ItemContext(before: "", after: longest + "b"),
            ItemContext(before: "", after: "", request: longest + "b"),
        ] {
            let escalation = Escalation(
                step: 3, route: Self.route, open: [.init(index: 0, text: "a", context: context)], answers: [nil],
                attempts: [])
            let error = #expect(throws: ContractError.self) { try Escalation(decoding: escalation.encode()) }
            #expect(error?.code == .tooLarge && error?.description.contains("é") == false)
        }
    }

    @Test func `an escalation comes back as it was`() throws {
        let escalation = Escalation(
            step: 3, route: Self.route,
            open: [
                .init(index: 1, text: Self.texts[4], guess: Self.answers[0], context: Self.context),
                .init(index: 3, text: "\u{0}", context: ItemContext(before: "", after: "")),
            ],
            answers: Self.answers, attempts: Self.attempts, catalogVersion: 7)
        #expect(try Escalation(decoding: escalation.encode()) == escalation)
    }

    private static func shadow() throws -> Shadow {
        Shadow(
            step: 3, route: route,
            items: texts.enumerated().map {
                .init(index: $0, text: $1, output: .label("a,\u{0}\"é"), confidence: 0.875)
            },
            smallModel: "software-development@1.0.0+ab",
            certificate: try #require(Certificate.ID("00ff00ff00ff00ff")), tieShare: 0.25, probability: 0.01,
            decidedAt: Timestamp(milliseconds: 1_790_000_000_123))
    }

    @Test func `a shadow comes back as it was`() throws {
        let shadow = try Self.shadow()
        #expect(try Shadow(decoding: shadow.encode()) == shadow)
    }

    @Test func `where a shadow says nothing else, only the best label is the full model's`() throws {
        let text = String(decoding: try Self.shadow().encode(), as: UTF8.self)
            .replacing(#""tieShare":0.25,"#, with: "")
        #expect(try Shadow(decoding: Array(text.utf8)).tieShare == 1)
    }

    @Test(arguments: [
        ("0.01", "0.0"), ("0.01", "1.5"), ("0.01", "\"x\""), ("00ff00ff00ff00ff", "00FF"), ("0.25", "0"),
        ("0.25", "1.5"),
    ])
    func `a shadow with an invalid probability, tie share or certificate is refused`(good: String, bad: String) throws {
        let text = String(decoding: try Self.shadow().encode(), as: UTF8.self).replacing(good, with: bad)
        #expect(throws: ContractError.self) { try Shadow(decoding: Array(text.utf8)) }
    }

    @Test(arguments: [Outcome.State.answered, .failed, .expired])
    func `an outcome comes back as it was`(state: Outcome.State) throws {
        let full = Outcome(
            step: 2, route: Self.route, state: state, answers: Self.answers, attempts: Self.attempts, error: "é\u{0}")
        #expect(try Outcome(decoding: full.encode()) == full)
        let bare = Outcome(step: 0, route: Self.route, state: state)
        #expect(try Outcome(decoding: bare.encode()) == bare)
    }

    @Test func `answers and items come back from the store as they were`() throws {
        #expect(try Answer.decode(Answer.encode(Self.answers)) == Self.answers)
        #expect(try Answer.decode(Answer.encode([])) == [])
        let items = [
            Item(text: "a"), Item(text: "e\u{301}\u{0}", span: Item.Span(0, 0)),
            Item(text: "b", span: Item.Span(7, 1_000_000), source: "合同.md"),
            Item(text: "", from: ItemReference(step: 15, item: 63, select: .label)),
            Item(text: "c", span: Item.Span(0, 1), from: ItemReference(step: 0, item: 0)),
        ]
        #expect(try Item.decode(Item.encode(items)) == items)
    }

    @Test func `a confidence keeps six decimals`() throws {
        let answer = Answer(.label("a"), confidence: 0.123_456_789, decidedBy: .worker, model: "m")
        #expect(try Answer.decode(Answer.encode([answer])).first??.confidence == 0.123_457)
    }

    struct Broken: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let read: @Sendable ([UInt8]) throws -> Void

        static let all = [
            Broken(testDescription: "step command") { _ = try StepCommand(decoding: $0) },
            Broken(testDescription: "escalation") { _ = try Escalation(decoding: $0) },
            Broken(testDescription: "outcome") { _ = try Outcome(decoding: $0) },
            Broken(testDescription: "answers") { _ = try Answer.decode($0) },
            Broken(testDescription: "items") { _ = try Item.decode($0) },
        ]
    }

    @Test(
        arguments: Broken.all,
        ["", "CANARY", #"["CANARY"]"#, #""CANARY""#, #"{"step":"CANARY"}"#, #"{"step":1,"capability":"CANARY"}"#])
    func `a message of another shape is refused and not quoted`(message: Broken, json: String) {
        let error = #expect(throws: ContractError.self) { try message.read(Array(json.utf8)) }
        #expect("\(error?.description ?? "")".contains("CANARY") == false)
    }

    @Test(arguments: [
        #"{"step":0,"capability":"a","task":"b","open":[{"index":1,"text":"x"}],"answers":[null]}"#,
        #"{"step":0,"capability":"a","task":"b","open":[{"index":-1,"text":"x"}],"answers":[null]}"#,
        #"{"step":0,"capability":"a","task":"b","open":[{"index":0,"text":"x"}]}"#,
        #"{"step":0,"capability":"a","task":"b","open":[{"index":0}],"answers":[null]}"#,
    ])
    func `an escalation whose open items are none of the step is refused`(json: String) {
        #expect(throws: ContractError.self) { try Escalation(decoding: Array(json.utf8)) }
    }

    @Test(arguments: [
        #"{"number":1,"kind":"CANARY","state":"settled","model":"m","version":"1"}"#,
        #"{"number":1,"kind":"worker","state":"CANARY","model":"m","version":"1"}"#,
        #"{"number":1,"kind":"worker","state":"settled","model":"m","version":"1","flops":-1}"#,
        #"{"number":1,"kind":"worker","state":"settled","model":"m","version":"1","startedAt":-1}"#,
        #"{"number":1.5,"kind":"worker","state":"settled","model":"m","version":"1"}"#,
        #"{"kind":"worker","state":"settled","model":"m","version":"1"}"#,
        #"{"number":1,"kind":"worker","state":"settled","version":"1"}"#,
        #""CANARY""#,
    ])
    func `an attempt that no ledger could hold is refused`(json: String) {
        let outcome = #"{"step":0,"capability":"a","task":"b","state":"answered","attempts":[\#(json)]}"#
        let error = #expect(throws: ContractError.self) { try Outcome(decoding: Array(outcome.utf8)) }
        #expect("\(error?.description ?? "")".contains("CANARY") == false)
    }

    @Test(arguments: ["[1]", "[2,1]", "[-1,3]", "[0.5,1]", "[0,1,2]", #"["a","b"]"#, "7"])
    func `a span that is no range is refused`(span: String) {
        #expect(throws: ContractError.self) { try Item.decode(Array(#"[{"text":"a","span":\#(span)}]"#.utf8)) }
    }
}
