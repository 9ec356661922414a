import JSON
import Models
import Testing

@testable import ModelEndpoint

/// Several inputs in one call, and what is done if its answers do not match them.
@Suite struct BatchTests {
    private static func answers(_ entries: [(Int, String)]) -> String {
        var writer = JSONWriter()
        writer.object { body in
            body.name("answers")
            body.array(entries) { list, entry in
                list.object { object in
                    object.member("index", entry.0)
                    object.member("label", entry.1)
                }
            }
        }
        return writer.text
    }

    private func rig(_ batch: String) -> (Rig, ScriptedTransport) {
        Rig.scripted({ $0.itemsPerCall = 3 }) { request, _ in
            let isBatch = String(decoding: request.body, as: UTF8.self).contains("JSON array of items")
            return .json(Replies.chat(isBatch ? batch : #"{"label":"other"}"#))
        }
    }

    @Test func `answers go to their items, in whatever order they come`() async throws {
        let (rig, transport) = rig(Self.answers([(3, "other"), (1, "refund"), (2, "return")]))
        let outputs = try await rig.ask("a", "b", "c")
        #expect(outputs.map(\.answer) == [.label("refund"), .label("return"), .label("other")])
        #expect(outputs.map(\.attempts.count) == [1, 0, 0])
        #expect(outputs[0].attempts[0].inputs == 3)
        try JSONDocument.read(transport.requests[0].body) { body in
            let user = body["messages"]?.map { $0["content"]?.string }?.last
            #expect(user == #"[{"index":1,"text":"a"},{"index":2,"text":"b"},{"index":3,"text":"c"}]"#)
            #expect((body["max_tokens"]?.integer ?? 0) > 3 * 256)
        }
    }

    @Test func `more inputs than fit into a call make several`() async throws {
        let (rig, transport) = Rig.scripted({ $0.itemsPerCall = 2 }) { request, _ in
            let body = String(decoding: request.body, as: UTF8.self)
            return .json(
                Replies.chat(
                    body.contains("JSON array of items")
                        ? Self.answers([(1, "refund"), (2, "return")]) : #"{"label":"other"}"#))
        }
        let outputs = try await rig.ask("a", "b", "c", "d", "e")
        let expected: [ModelOutput.Answer] = ["refund", "return", "refund", "return", "other"].map { .label($0) }
        #expect(outputs.map(\.answer) == expected)
        #expect(transport.requests.count == 3)
        #expect(outputs.reduce(0) { $0 + $1.attempts.count } == 3)
    }

    @Test(arguments: [
        BatchTests.answers([(1, "refund"), (2, "return")]),
        BatchTests.answers([(1, "refund"), (1, "refund"), (2, "return")]),
        BatchTests.answers([(0, "refund"), (1, "refund"), (2, "return")]),
        BatchTests.answers([(1, "refund"), (2, "refund"), (4, "return")]),
        BatchTests.answers([(1, "refund"), (2, "refund"), (3, "return"), (3, "return")]),
        #"{"answers":[{"index":1,"label":"refund"},{"index":2},{"index":3,"label":"refund"}]}"#,
        #"{"answers":7}"#, "[]", "not JSON", #"{"label":"refund"}"#,
    ])
    func `missing, doubled or strange indices fail the call, and each item is asked on its own`(batch: String)
        async throws
    {
        let (rig, transport) = rig(batch)
        let outputs = try await rig.ask("a", "b", "c")
        #expect(outputs.map(\.answer) == [.label("other"), .label("other"), .label("other")])
        #expect(transport.requests.count == 4)
        #expect(outputs.map(\.attempts.count) == [2, 1, 1])
    }

    @Test func `a batch that is cut off is asked item by item`() async throws {
        let (rig, transport) = Rig.scripted({ $0.itemsPerCall = 2 }) { request, number in
            number == 1
                ? .json(Replies.chat(#"{"answers":[{"index":1,"#, finish: "length"))
                : .json(Replies.chat(#"{"label":"other"}"#))
        }
        #expect(try await rig.ask("a", "b").count == 2)
        #expect(transport.requests.count == 3)
    }

    @Test func `only the item with a strange label is asked again`() async throws {
        let (rig, transport) = rig(Self.answers([(1, "refund"), (2, "exchange"), (3, "return")]))
        let outputs = try await rig.ask("a", "b", "c")
        #expect(outputs.map(\.answer) == [.label("refund"), .label("other"), .label("return")])
        #expect(transport.requests.count == 2)
        #expect(outputs.map(\.attempts.count) == [1, 1, 0])
    }

    @Test func `each item of a batch has a confidence of its own`() async throws {
        let labels = [("ref", "und", -0.1, "ret"), ("ret", "urn", -1.0, "ref")]
        var tokens: [(String, Double, [(String, Double)])] = [(#"{"answers":["#, 0, [])]
        for (place, label) in labels.enumerated() {
            tokens += [
                ((place > 0 ? "," : "") + #"{"index":\#(place + 1),"label":""#, 0, []),
                (label.0, label.2, [(label.3, -2), ("oth", -30)]), (label.1, 0, []), (#""}"#, 0, []),
            ]
        }
        tokens.append(("]}", 0, []))
        let (content, logprobs) = (tokens.map(\.0).joined(), Replies.logprobs(tokens))
        let (rig, _) = Rig.scripted({
            $0.itemsPerCall = 2
            $0.topLogprobs = 5
        }) { _, _ in .json(Replies.chat(content, logprobs: logprobs)) }
        let confidences = try await rig.ask("a", "b").map { $0.evidence.confidence ?? 0 }
        // e^-0.1 / (e^-0.1 + e^-2) and e^-1 / (e^-1 + e^-2)
        #expect((0.8698...0.8701).contains(confidences[0]))
        #expect((0.7310...0.7312).contains(confidences[1]))
    }

    @Test func `one item that cannot be answered does not lose what was paid for the others`() async throws {
        let (rig, _) = Rig.scripted({ $0.retries.most = 0 }) { request, _ in
            String(decoding: request.body, as: UTF8.self).contains("poison")
                ? .json(#"{"error":"no"}"#, status: 422) : .json(Replies.chat(#"{"label":"refund"}"#))
        }
        let error = try #require(await rig.error("a", "poison", "c"))
        #expect(error.code == .requestRejected)
        #expect(error.outputs.map { $0?.answer } == [.label("refund"), nil, .label("refund")])
        #expect(error.attempts.map(\.state) == [.failed])
        #expect(error.outputs.compactMap { $0?.attempts.count } == [1, 1])
    }

    @Test func `a fault of the endpoint is met once, not once an item`() async throws {
        let (rig, transport) = Rig.scripted({ $0.gate.maxInFlight = 1 }) { _, _ in .json("{}", status: 401) }
        let error = await rig.error("a", "b", "c", "d")
        #expect(error?.code == .unauthorized)
        #expect(transport.requests.count == 1)
        #expect(error?.attempts.count == 1)
    }

    @Test func `texts are answered in batches too, and JSON one by one`() async throws {
        let (rig, transport) = Rig.scripted({ $0.itemsPerCall = 2 }) { request, _ in
            let body = String(decoding: request.body, as: UTF8.self)
            return .json(
                Replies.chat(
                    body.contains("JSON array of items")
                        ? #"{"answers":[{"index":1,"text":"A"},{"index":2,"text":"B"}]}"# : #"{"a":1}"#))
        }
        let text = Question(task: "t", description: "Shout.", kind: .text)
        #expect(try await rig.ask("a", "b", as: text).map(\.answer) == [.text("A"), .text("B")])
        #expect(transport.requests.count == 1)
        let json = Question(task: "t", description: "Parse.", kind: .json(schema: #"{"type":"object"}"#))
        #expect(try await rig.ask("a", "b", as: json).map(\.answer) == [.json(#"{"a":1}"#), .json(#"{"a":1}"#)])
        #expect(transport.requests.count == 3)
        #expect(transport.bodies[1].contains(#""schema":{"type":"object"}"#))
    }
}
