import Contracts
import JSON
import Models
import Testing

@testable import ModelEndpoint

/// Answers that say for which tasks a text is, and where it is cut.
@Suite struct RoutingTests {
    private static func question(cuts: Bool) -> Question {
        Question(
            task: "decomposition/route", description: "For which tasks?",
            kind: .routing(
                [
                    Question.Label("law/clause", description: "Law. Says the clause."),
                    Question.Label("home/intent", description: "Home. Says the wish."),
                ], cuts: cuts))
    }

    private static let clause = Route(Capability(rawValue: "law"), "clause")
    private static let intent = Route(Capability(rawValue: "home"), "intent")

    private func ask(
        _ text: String, cuts: Bool, _ contents: String...
    ) async throws -> (answer: ModelOutput.Answer, calls: Int) {
        let (rig, transport) = Rig.scripted { _, number in
            .json(Replies.chat(contents[min(number, contents.count) - 1]))
        }
        let output = try await rig.endpoint.answer([.text(text)], as: Self.question(cuts: cuts))[0]
        return (output.answer, transport.requests.count)
    }

    @Test func `the tasks are an enum of the response format, and the prompt describes them`() async throws {
        for cuts in [false, true] {
            let (rig, transport) = Rig.scripted { _, _ in
                .json(Replies.chat(cuts ? #"{"parts":[{"begins":"a","routes":[]}]}"# : #"{"routes":[]}"#))
            }
            let output = try await rig.endpoint.answer([.text("a")], as: Self.question(cuts: cuts))[0]
            #expect(output.answer == .label("none"))
            #expect(output.evidence == .none)
            try JSONDocument.read(transport.requests[0].body) { body in
                let format = body["response_format"]?["json_schema"]
                #expect(format?["strict"]?.bool == true)
                let root = format?["schema"]?["properties"]
                let routes = cuts ? root?["parts"]?["items"]?["properties"]?["routes"] : root?["routes"]
                #expect(routes?["items"]?["enum"]?.map(\.string) == ["law/clause", "home/intent"])
                #expect(body["logprobs"] == nil)
                let prompts = body["messages"]?.map { $0["content"]?.string ?? "" } ?? []
                #expect(prompts.joined().contains("- law/clause: Law. Says the clause."))
            }
        }
    }

    private struct Prompt: Equatable {
        var system: String
        var user: String
    }

    /// - Returns: the prompt, and the price of one pico-USD a token that was reserved for it.
    private func prompt(_ input: ModelInput, _ question: Question) async throws -> (prompt: Prompt, reserved: Int64) {
        let content =
            switch question.kind {
            case .routing(_, cuts: true): #"{"parts":[{"begins":"a","routes":[]}]}"#
            case .routing: #"{"routes":[]}"#
            default: "law/clause"
            }
        let (rig, transport) = Rig.scripted({
            $0.prices = EndpointPrices([
                EndpointPrice(
                    from: Timestamp(milliseconds: 0), input: PicoDollars(1), cachedInput: PicoDollars(1),
                    output: .zero)
            ])
        }) { _, _ in .json(Replies.chat(content)) }
        let output = try await rig.endpoint.answer([input], as: question)[0]
        let texts = try JSONDocument.read(transport.requests[0].body) { body in
            body["messages"]?.map { $0["content"]?.string ?? "" } ?? []
        }
        #expect(!rig.log.contains("neighbour"))
        let reserved = try #require(output.attempts.first?.reserved.amount)
        #expect(reserved == Int64(transport.requests[0].body.count))
        return (Prompt(system: try #require(texts.first), user: try #require(texts.last)), reserved)
    }

    @Test(arguments: [false, true])
    func `a text is shown apart from what stands around it, which is reserved too`(cuts: Bool) async throws {
        let question = Self.question(cuts: cuts)
        let (plain, price) = try await prompt(.text("a"), question)
        #expect(plain.user == "a" && !plain.system.contains("\"before\""))
        let around = ItemContext(before: "\"neighbour\", ", after: "\nneighbour", request: "neighbour: 1")
        let (shown, more) = try await prompt(.text("a \"b\"", in: around), question)
        #expect(
            shown.user
                == #"{"request":"neighbour: 1","before":"\"neighbour\", ","text":"a \"b\"","after":"\nneighbour"}"#)
        #expect(shown.system.hasPrefix(plain.system) && shown.system.contains("as an instruction"))
        #expect(more > price + Int64(around.before.utf8.count + around.after.utf8.count))
        let near = ItemContext(before: "neighbour ", after: "")
        #expect(
            try await prompt(.text("a", in: near), question).prompt.user
                == #"{"before":"neighbour ","text":"a","after":""}"#)
    }

    @Test func `a prompt is the same if nothing stands around the text, and for every other question`() async throws {
        let question = Self.question(cuts: true)
        let nothing = ItemContext(before: "", after: "")
        #expect(try await prompt(.text("a", in: nothing), question).prompt == prompt(.text("a"), question).prompt)
        let clause = Question(
            task: "law/clause", description: "Which?", kind: .labels([Question.Label("law/clause")]))
        let around = ItemContext(before: "neighbour", after: "neighbour", request: "neighbour")
        #expect(try await prompt(.text("a", in: around), clause).prompt == prompt(.text("a"), clause).prompt)
    }

    @Test func `a cut counts within the text, whatever stands before it`() async throws {
        let (rig, _) = Rig.scripted { _, _ in
            .json(
                Replies.chat(
                    #"{"parts":[{"begins":"a","routes":["law/clause"]},{"begins":"b","routes":["home/intent"]}]}"#))
        }
        let around = ItemContext(before: "b b ", after: " b")
        let output = try await rig.endpoint.answer([.text("a b", in: around)], as: Self.question(cuts: true))[0]
        let parts = [
            RoutedPart(span: Item.Span(0, 1), routes: [Self.clause]),
            RoutedPart(span: Item.Span(2, 3), routes: [Self.intent]),
        ]
        #expect(output.answer == .json(RoutedPart.encode(parts)))
    }

    @Test func `a text may be for several tasks, each of which is named once`() async throws {
        let (answer, _) = try await ask(
            "a", cuts: false, #"{"routes":["home/intent","law/clause","home/intent"]}"#)
        #expect(answer == .label("home/intent,law/clause"))
    }

    @Test(arguments: [#"{"routes":["law/other"]}"#, #"{"routes":"law/clause"}"#, "[]", "law/clause"])
    func `a task that there is not is asked about once more, and then fails as such`(content: String) async throws {
        let (answer, calls) = try await ask("a", cuts: false, content, #"{"routes":["law/clause"]}"#)
        #expect(answer == .label("law/clause"))
        #expect(calls == 2)
        let (rig, transport) = Rig.scripted { _, _ in .json(Replies.chat(content)) }
        let error = await #expect(throws: ModelError.self) {
            try await rig.endpoint.answer([.text("a")], as: Self.question(cuts: false))
        }
        #expect(error.map { [.outsideLabels, .notJSON].contains($0.code) } == true)
        #expect(transport.requests.count == 2)
    }

    @Test func `the text is cut before each part, and none of it is lost`() async throws {
        let text = "  Zünde das Licht an, and then read the clause. "
        let (answer, calls) = try await ask(
            text, cuts: true,
            #"{"parts":[{"begins":"Turn on","routes":["home/intent"]},{"begins":" and then read","routes":["law/clause"]}]}"#
        )
        #expect(
            answer
                == .json(
                    RoutedPart.encode([
                        RoutedPart(span: Item.Span(2, 21), routes: [Self.intent]),
                        RoutedPart(span: Item.Span(22, 47), routes: [Self.clause]),
                    ])))
        #expect(calls == 1)
    }

    @Test(arguments: ["read it", "", "an", "Plan"])
    func `a beginning that is not in the text is no cut, and the text goes to all tasks`(begins: String) async throws {
        let (answer, _) = try await ask(
            "Plan the Plans", cuts: true,
            #"{"parts":[{"begins":"Plan","routes":["home/intent"]},{"begins":"\#(begins)","routes":["law/clause"]}]}"#)
        // “Plan” stands at the start, where nothing can be cut off, and then as a word's beginning.
        if begins == "Plan" {
            #expect(
                answer
                    == .json(
                        RoutedPart.encode([
                            RoutedPart(span: Item.Span(0, 8), routes: [Self.intent]),
                            RoutedPart(span: Item.Span(9, 14), routes: [Self.clause]),
                        ])))
        } else {
            #expect(answer == .label("home/intent,law/clause"))
        }
    }

    @Test(arguments: [
        #"{"parts":[]}"#, #"{"parts":[{"routes":[]}]}"#, #"{"parts":[{"begins":"a"}]}"#, #"{"routes":[]}"#,
        #"{"parts":[{"begins":"a","routes":["no/such"]}]}"#,
    ])
    func `an answer without the form is asked for once more`(content: String) async throws {
        let (answer, calls) = try await ask(
            "a", cuts: true, content, #"{"parts":[{"begins":"a","routes":["law/clause"]}]}"#)
        #expect(answer == .label("law/clause"))
        #expect(calls == 2)
    }

    @Test func `an answer without its end fails`() async throws {
        let (rig, _) = Rig.scripted { _, _ in
            .json(Replies.chat(#"{"routes":["law/clause"]}"#, finish: "length"))
        }
        let error = await #expect(throws: ModelError.self) {
            try await rig.endpoint.answer([.text("a")], as: Self.question(cuts: false))
        }
        #expect(error?.code == .truncated)
    }
}
