import Foundation
import JSON
import Models
import Testing

@testable import ModelEndpoint

/// Answers with labels: how they are asked for, read, and how sure they are.
@Suite struct LabelTests {
    private static func json(_ label: String) -> String { #"{"label":"\#(label)"}"# }

    @Test func `the labels are an enum of the response format, and the prompt describes them`() async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json(Replies.chat(Self.json("other"))) }
        #expect(try await rig.ask("a")[0].answer == .label("other"))
        try JSONDocument.read(transport.requests[0].body) { body in
            #expect(body["model"]?.string == "big-1")
            #expect(body["max_tokens"]?.integer == 256)
            #expect(body["temperature"]?.double == 0)
            #expect(body["logprobs"] == nil)
            let schema = body["response_format"]?["json_schema"]
            #expect(schema?["strict"]?.bool == true)
            let label = schema?["schema"]?["properties"]?["label"]
            #expect(label?["enum"]?.map(\.string) == ["refund", "return", "other"])
            #expect(schema?["schema"]?["additionalProperties"]?.bool == false)
            let messages = body["messages"]?.map { ($0["role"]?.string, $0["content"]?.string ?? "") } ?? []
            #expect(messages.map(\.0) == ["system", "user"])
            #expect(messages[0].1.contains("What does the customer want?"))
            #expect(messages[0].1.contains("- refund: money back\n- return\n- other"))
            #expect(messages[1].1 == "a")
        }
    }

    @Test func `an answer outside the labels is asked for once more`() async throws {
        let (rig, transport) = Rig.scripted { _, number in
            .json(Replies.chat(Self.json(number == 1 ? "exchange" : "return")))
        }
        let output = try await rig.ask("a")[0]
        #expect(output.answer == .label("return"))
        #expect(output.attempts.count == 2)
        #expect(transport.requests.count == 2)
    }

    @Test(arguments: [#"{"label":"exchange"}"#, #"{"label":"Refund"}"#, #"{"label":7}"#, "I think refund", "", "[]"])
    func `a second one fails as such`(content: String) async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json(Replies.chat(content)) }
        let error = await rig.error("a")
        #expect(error?.code == .outsideLabels)
        #expect(error?.isRetriable == false)
        #expect(error?.attempts.map(\.state) == [.answered, .answered])
        #expect(transport.requests.count == 2)
    }

    @Test(arguments: [
        "refund", " refund\n", "\"refund\"", "`refund`", "refund.", "**refund**", #"{"label": "refund"}"#,
    ])
    func `a server that refuses the format is asked in plain words, and this is remembered`(content: String)
        async throws
    {
        let (rig, transport) = Rig.scripted { request, _ in
            String(decoding: request.body, as: UTF8.self).contains("response_format")
                ? .json(#"{"error":{"message":"Unknown field: response_format"}}"#, status: 400)
                : .json(Replies.chat(content))
        }
        let first = try await rig.ask("a")[0]
        #expect(first.answer == .label("refund"))
        #expect(first.attempts.map(\.state) == [.failed, .answered])
        #expect(try await rig.ask("a")[0].attempts.count == 1)
        #expect(transport.requests.count == 3)
        #expect(transport.bodies[1].contains("exactly one of these labels"))
        #expect(rig.log.contains(#""winnow.reason":"response_format""#))
    }

    @Test func `another status 400 is not taken for a refused format`() async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json(#"{"error":"context too long"}"#, status: 400) }
        #expect(await rig.error("a")?.code == .requestRejected)
        #expect(transport.requests.count == 1)
    }

    @Test func `a server that refuses probabilities keeps its format`() async throws {
        let (rig, transport) = Rig.scripted({ $0.topLogprobs = 5 }) { request, _ in
            String(decoding: request.body, as: UTF8.self).contains("top_logprobs")
                ? .json(#"{"error":"logprobs are not supported"}"#, status: 400)
                : .json(Replies.chat(Self.json("refund")))
        }
        #expect(try await rig.ask("a")[0].evidence == .none)
        #expect(transport.bodies[1].contains("response_format"))
        #expect(!transport.bodies[1].contains("logprobs"))
    }

    @Test func `a label that is cut off is no label`() async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json(Replies.chat(#"{"label":"re"#, finish: "length")) }
        #expect(await rig.error("a")?.code == .truncated)
        #expect(transport.requests.count == 1)
    }

    @Test func `the confidence is the label's share among the labels`() async throws {
        let logprobs = Replies.logprobs([
            (#"{"label":""#, 0, []), ("ref", -0.5, [("ref", -0.5), ("ret", -2), ("other", -3), ("banana", -4)]),
            ("und", 0, []), (#""}"#, 0, []),
        ])
        let (rig, transport) = Rig.scripted({ $0.topLogprobs = 5 }) { _, _ in
            .json(Replies.chat(Self.json("refund"), logprobs: logprobs))
        }
        let evidence = try await rig.ask("a")[0].evidence
        guard case .measured(let confidence) = evidence else {
            Issue.record("\(evidence)")
            return
        }
        // e^-0.5 / (e^-0.5 + e^-2 + e^-3)
        #expect((0.7661...0.7663).contains(confidence))
        #expect(evidence.isCertifiable)
        #expect(transport.bodies[0].contains(#""logprobs":true,"top_logprobs":5"#))
        #expect(!rig.endpoint.features.dropsLogprobs)
    }

    @Test func `a server that leaves the probabilities out is noticed, until it sends them again`() async throws {
        let logprobs = Replies.logprobs([(#"{"label":"refund"}"#, 0, [])])
        let (rig, _) = Rig.scripted({ $0.topLogprobs = 5 }) { _, number in
            .json(Replies.chat(Self.json("refund"), logprobs: number < 3 ? nil : logprobs))
        }
        for _ in 0..<2 {
            #expect(try await rig.ask("a")[0].evidence == .none)
            #expect(rig.endpoint.features.dropsLogprobs)
        }
        #expect(rig.figures.contains(#"winnow_endpoint_logprobs_missing_total{endpoint="big"} 2"#))
        #expect(rig.figures.contains(#"winnow_endpoint_drops_logprobs{endpoint="big"} 1"#))
        #expect(rig.log.components(separatedBy: "leaves out token probabilities").count == 2)
        _ = try await rig.ask("a")
        #expect(!rig.endpoint.features.dropsLogprobs)
        #expect(rig.figures.contains(#"winnow_endpoint_drops_logprobs{endpoint="big"} 0"#))
    }

    @Test func `without probabilities several answers are compared, and most of them decide`() async throws {
        let answers = ["refund", "return", "other", "return", "return"]
        let (rig, transport) = Rig.scripted({ $0.samples = 5 }) { _, number in
            .json(Replies.chat(Self.json(answers[number - 1])))
        }
        let output = try await rig.ask("a")[0]
        #expect(output.answer == .label("return"))
        #expect(output.evidence == .sampled(agreeing: 3, of: 5))
        #expect(output.evidence.confidence == 0.6)
        #expect(output.attempts.count == 5)
        #expect(transport.bodies.filter { $0.contains(#""temperature":1.0"#) }.count == 4)
    }

    @Test func `a sample outside the labels agrees with nobody, nor does one that fails`() async throws {
        let (rig, _) = Rig.scripted({
            $0.samples = 4
            $0.retries.most = 0
        }) { request, number in
            switch number {
            case 2: .json(Replies.chat(Self.json("exchange")))
            case 3: .json("{}", status: 500)
            default: .json(Replies.chat(Self.json("refund")))
            }
        }
        #expect(try await rig.ask("a")[0].evidence == .sampled(agreeing: 2, of: 4))
    }

    @Test func `measured probabilities need no samples`() async throws {
        let logprobs = Replies.logprobs([(#"{"label":"refund"}"#, 0, [])])
        let (rig, transport) = Rig.scripted({
            $0.samples = 5
            $0.topLogprobs = 5
        }) { _, _ in .json(Replies.chat(Self.json("refund"), logprobs: logprobs)) }
        #expect(try await rig.ask("a")[0].evidence == .measured(1))
        #expect(transport.requests.count == 1)
    }

    @Test func `what the model says of itself is kept as such, and certifies nothing`() async throws {
        let (rig, transport) = Rig.scripted({ $0.asksConfidence = true }) { _, _ in
            .json(Replies.chat(#"{"label":"refund","confidence":0.93}"#))
        }
        let evidence = try await rig.ask("a")[0].evidence
        #expect(evidence == .selfReported(0.93))
        #expect(!evidence.isCertifiable)
        #expect(transport.bodies[0].contains(#""confidence":{"type":"number"}"#))
    }
}
