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
