import Foundation
import JSON
import Models
import Testing

@testable import ModelEndpoint

/// Answers that are texts or JSON, the limits of answers, and questions that are wrong.
@Suite struct TextTests {
    private static let text = Question(
        task: "t", description: "Sum it up.", kind: .text,
        limits: Question.Limits(maxTokens: 7, temperature: 0.5, stop: ["\n\n", "END"]))
    private static let json = Question(task: "t", description: "Parse it.", kind: .json(schema: #"{"type":"array"}"#))

    @Test func `limits of the answer go to the server`() async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json(Replies.chat(" A sum.\n")) }
        let output = try await rig.ask("a", as: Self.text)[0]
        #expect(output.answer == .text(" A sum.\n"))
        #expect(!output.isTruncated)
        #expect(output.evidence == .none)
        try JSONDocument.read(transport.requests[0].body) { body in
            #expect(body["max_tokens"]?.integer == 7)
            #expect(body["temperature"]?.double == 0.5)
            #expect(body["stop"]?.map(\.string) == ["\n\n", "END"])
            #expect(body["response_format"] == nil)
        }
    }

    @Test func `a model that wants another field for its limit gets it`() async throws {
        let (rig, transport) = Rig.scripted({ $0.maxTokensField = .maxCompletionTokens }) { _, _ in
            .json(Replies.chat("A sum."))
        }
        _ = try await rig.ask("a", as: Self.text)
        #expect(transport.bodies[0].contains(#""max_completion_tokens":7"#))
        #expect(!transport.bodies[0].contains(#""max_tokens""#))
    }

    @Test(arguments: [TextTests.text, TextTests.json])
    func `an answer that reached its limit is marked`(question: Question) async throws {
        let (rig, _) = Rig.scripted { _, _ in .json(Replies.chat("[1, 2", finish: "length")) }
        #expect(try await rig.ask("a", as: question)[0].isTruncated)
    }

    @Test(arguments: ["not JSON", "[1,", "", "```json\n[1]\n```"])
    func `an answer that should be JSON and is not fails as such`(content: String) async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json(Replies.chat(content)) }
        #expect(await rig.error("a", as: Self.json)?.code == .notJSON)
        #expect(transport.requests.count == 1)
    }

    @Test func `without a format the schema is in the prompt, and a fence around the answer is removed`() async throws {
        let (rig, transport) = Rig.scripted { _, number in
            number == 1
                ? .json(#"{"error":"response_format: json_schema is not supported"}"#, status: 400)
                : .json(Replies.chat("```json\n[1]\n```"))
        }
        #expect(try await rig.ask("a", as: Self.json)[0].answer == .json("[1]"))
        #expect(transport.bodies[1].contains(#"{\"type\":\"array\"}"#))
        #expect(!transport.bodies[1].contains("response_format"))
    }

    @Test func `a placeholder in an input is text, and the input keeps its blanks`() async throws {
        let (rig, transport) = Rig.scripted({ $0.inputPrompt = PromptTemplate("<{input}>") }) { _, _ in
            .json(Replies.chat("A sum."))
        }
        _ = try await rig.ask(" {format} {input} {task}\n", as: Self.text)
        try JSONDocument.read(transport.requests[0].body) { body in
            let contents = body["messages"]?.map { $0["content"]?.string }
            #expect(contents == ["Sum it up.", "< {format} {input} {task}\n>"])
        }
    }

    @Test func `no input is no call`() async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json(Replies.chat("A sum.")) }
        #expect(try await rig.endpoint.answer([], as: Self.text).isEmpty)
        #expect(transport.requests.isEmpty)
    }

    @Test(arguments: [
        Question(task: "t", description: "", kind: .labels([])),
        Question(task: "t", description: "", kind: .labels([Question.Label("a"), Question.Label("a")])),
        Question(task: "t", description: "", kind: .labels([Question.Label("")])),
        Question(task: "t", description: "", kind: .json(schema: "{")),
        Question(task: "t", description: "", kind: .text, limits: Question.Limits(maxTokens: 0)),
        Question(task: "t", description: "", kind: .text, limits: Question.Limits(temperature: 2.1)),
        Question(task: "t", description: "", kind: .text, limits: Question.Limits(temperature: .nan)),
        Question(task: "t", description: "", kind: .text, limits: Question.Limits(stop: [""])),
        Question(task: "t", description: "", kind: .text, limits: Question.Limits(stop: ["a", "b", "c", "d", "e"])),
    ])
    func `a question that is wrong is not sent`(question: Question) async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json(Replies.chat("a")) }
        let error = await rig.error("a", as: question)
        #expect(error?.code == .invalidQuestion)
        #expect(error?.isRetriable == false)
        #expect(transport.requests.isEmpty)
    }
}
