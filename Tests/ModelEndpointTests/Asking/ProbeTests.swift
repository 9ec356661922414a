import Contracts
import Foundation
import JSON
import Models
import Telemetry
import Testing

@testable import ModelEndpoint

/// What a probe finds out about servers of every kind.
@Suite struct ProbeTests {
    /// A server that does everything: it obeys schemas, tells probabilities and counts tokens.
    private static func able(_ request: String) -> String {
        let logprobs = Replies.logprobs([
            ("{\"label\":\"", -0.01, []), ("refund", -0.1, [("praise", -3)]), ("\"}", 0, []),
        ])
        if request.contains("refund") { return Replies.chat(#"{"label":"refund"}"#, logprobs: logprobs) }
        if request.contains("json_schema") { return Replies.chat(#"{"city":"Oslo"}"#) }
        return Replies.chat("wants a refund")
    }

    private func probe(
        _ change: (inout EndpointConfiguration) -> Void = { _ in }, _ handler: @escaping MockServer.Handler
    ) async throws -> (probe: EndpointProbe, requests: [MockServer.Request]) {
        let server = try MockServer(handler)
        var configuration = EndpointConfiguration(name: "big", baseURL: server.url, model: "big-1")
        change(&configuration)
        let logger = Logger(service: "test", level: .debug, sink: { _ in })
        let environment = EndpointEnvironment(
            transport: try CurlDriver(), clock: SkippingClock(), metrics: Metrics(), logger: logger)
        return (await EndpointProbe(configuration, environment), server.requests)
    }

    @Test func `an able server shows everything that it supports, in three requests`() async throws {
        let (probe, requests) = try await probe { configuration in
            configuration.prices = EndpointPrices([
                EndpointPrice(
                    from: Timestamp(milliseconds: 0), input: PicoDollars(3), cachedInput: PicoDollars(3),
                    output: PicoDollars(5))
            ])
        } _: {
            $0.respond(200, Self.able($0.request.text))
        }
        #expect(requests.count == 3)
        #expect(probe.replies.map(\.kind) == [.labels, .text, .json])
        #expect(probe.replies.allSatisfy { $0.fault == nil })
        #expect(probe.replies.map(\.label) == ["refund", nil, nil])
        #expect(probe.schema == .enforced)
        #expect(probe.logprobs == .given(isUsable: true))
        #expect(probe.attempts.allSatisfy { $0.responseModel == "served-model" && !$0.usage.isEstimated })
        #expect(probe.attempts.map(\.cost) == Array(repeating: PicoDollars(40), count: 3))
        #expect(probe.key == .notNeeded && !probe.usesTLS && probe.hasPrice)
    }

    @Test func `a server that obeys no schema is seen by the city that the schema excludes`() async throws {
        let (probe, _) = try await probe {
            let text = $0.request.text
            $0.respond(200, text.contains("Lisbon") ? Replies.chat(#"{"city":"Lisbon"}"#) : Self.able(text))
        }
        #expect(probe.replies.allSatisfy { $0.fault == nil })
        #expect(probe.schema == .ignored)
    }

    @Test(arguments: [#"{"city":"Oslo","country":"Norway"}"#, #"["Oslo"]"#, "{}"])
    func `JSON that the schema forbids is not valid`(json: String) async throws {
        let (probe, _) = try await probe {
            let text = $0.request.text
            $0.respond(200, text.contains("Lisbon") ? Replies.chat(json) : Self.able(text))
        }
        #expect(probe.schema == .ignored)
    }

    @Test func `a server that refuses response_format and logprobs is asked without them`() async throws {
        let (probe, requests) = try await probe {
            let text = $0.request.text
            for field in ["logprobs", "response_format"] where text.contains("\"\(field)\"") {
                return $0.respond(400, #"{"error":{"message":"unknown field \#(field)"}}"#)
            }
            $0.respond(200, text.contains("Lisbon") ? Replies.chat(#"{"city":"Oslo"}"#) : Replies.chat("refund"))
        }
        #expect(requests.count == 5)
        #expect(probe.replies.allSatisfy { $0.fault == nil })
        #expect(probe.replies.first?.label == "refund")
        #expect(probe.schema == .refused && probe.logprobs == .refused)
    }

    @Test func `probabilities that are left out, useless or not asked for are told apart`() async throws {
        let useless = Replies.logprobs([("something", -0.1, [])])
        let (dropping, _) = try await probe { $0.respond(200, Self.answer($0.request.text, logprobs: nil)) }
        let (vague, _) = try await probe { $0.respond(200, Self.answer($0.request.text, logprobs: useless)) }
        let (silent, _) = try await probe {
            $0.topLogprobs = 0
        } _: {
            $0.respond(200, Self.answer($0.request.text, logprobs: nil))
        }
        #expect(dropping.logprobs == .dropped && silent.logprobs == .notAskedFor)
        #expect(vague.logprobs == .given(isUsable: false))
    }

    private static func answer(_ request: String, logprobs: String?) -> String {
        if request.contains("refund") { return Replies.chat(#"{"label":"refund"}"#, logprobs: logprobs) }
        return request.contains("Lisbon") ? Replies.chat(#"{"city":"Oslo"}"#) : Replies.chat("a text")
    }

    @Test func `tokens that the server does not count are estimated`() async throws {
        let (probe, _) = try await probe {
            $0.respond(200, Self.able($0.request.text).replacing(#""usage":"#, with: #""unused":"#))
        }
        #expect(probe.replies.count == 3)
        #expect(probe.attempts.allSatisfy { $0.usage.isEstimated && $0.usage.inputTokens > 0 })
    }

    @Test(arguments: [
        (401, "application/json", ModelError.Code.unauthorized), (404, "application/json", .notFound),
        (429, "application/json", .rateLimited), (500, "application/json", .serverError),
        (301, "application/json", .redirected), (200, "text/html", .wrongContentType),
    ])
    func `a server that gives no usable response is asked once, and nothing of it is kept`(
        status: Int, type: String, code: ModelError.Code
    ) async throws {
        let (probe, requests) = try await probe { $0.respond(status, "the secret of a server", type: type) }
        #expect(requests.count == 1)
        #expect(probe.replies.map { $0.fault?.code } == [code])
        #expect(probe.replies.first?.fault?.description.contains("secret") == false)
        #expect(probe.schema == .unknown && probe.logprobs == .unknown)
    }

    @Test func `a server that is not there is asked once`() async throws {
        let logger = Logger(service: "test", level: .debug, sink: { _ in })
        let environment = EndpointEnvironment(
            transport: try CurlDriver(), clock: SkippingClock(), metrics: Metrics(), logger: logger)
        let gone = EndpointConfiguration(name: "gone", baseURL: "http://127.0.0.1:1/v1", model: "m")
        let probe = await EndpointProbe(gone, environment)
        #expect(probe.replies.map { $0.fault?.code } == [.unreachable])
        #expect(probe.attempts.count == 1)
    }

    @Test func `nonsense fails its own question, and the others are asked`() async throws {
        let (probe, _) = try await probe {
            let text = $0.request.text
            let content = text.contains("refund") ? "the customer is sad" : text.contains("Lisbon") ? "Lisbon" : "  "
            $0.respond(200, Replies.chat(content))
        }
        #expect(probe.replies.map { $0.fault?.code } == [.outsideLabels, .missingChoice, .notJSON])
        #expect(probe.replies.allSatisfy { $0.label == nil })
        #expect(probe.schema == .ignored)
    }

    @Test func `a JSON answer without its end is no answer`() async throws {
        let (probe, _) = try await probe {
            let text = $0.request.text
            $0.respond(200, text.contains("Lisbon") ? Replies.chat(#"{"city":"#, finish: "length") : Self.able(text))
        }
        #expect(probe.replies.last?.fault?.code == .truncated)
        #expect(probe.schema == .unknown)
    }

    @Test func `fallbacks, retries and samples of the file are not used`() async throws {
        let (probe, requests) = try await probe { configuration in
            configuration.fallbacks = ["other"]
            configuration.retries.most = 5
            configuration.samples = 4
            configuration.gate.requestsPerMinute = 1
        } _: {
            $0.respond(200, Self.answer($0.request.text, logprobs: nil))
        }
        #expect(requests.count == 3)
        #expect(probe.replies.allSatisfy { $0.fault == nil })
    }

    @Test func `a key is readable, absent or unusable, and is never part of the reason`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try "sk-secret\n".write(to: folder.appending(path: "good"), atomically: true, encoding: .utf8)
        try "sk secret\n".write(to: folder.appending(path: "spaced"), atomically: true, encoding: .utf8)
        func key(_ file: String?) throws -> EndpointKey {
            let text =
                file.map { #"{"baseURL":"http://a/v1","model":"m","keyFile":"\#($0)"}"# }
                ?? #"{"baseURL":"http://a/v1","model":"m"}"#
            return try EndpointFolder(folder.path).key(of: EndpointDescription(name: "a", version: "1", file: text))
        }
        #expect(try key(nil) == .notNeeded)
        #expect(try key("good") == .readable)
        #expect(try key("none") == .absent)
        guard case .unusable(let reason) = try key("spaced") else {
            Issue.record("a key with a space is used")
            return
        }
        #expect(!reason.contains("secret"))
    }
}
