import Contracts
import Foundation
import Models
import PostgresStore
import Telemetry
import Testing

@testable import CLI
@testable import ModelEndpoint

/// What `winnow models test` says about a server, in words.
@Suite struct EndpointFindingsTests {
    /// Answers as a test tells it, without a network.
    private struct Script: HTTPTransport {
        let answer: @Sendable (_ request: String) throws -> HTTPReply

        func send(_ request: HTTPRequest) async throws -> HTTPReply {
            try answer(String(decoding: request.body, as: UTF8.self))
        }
    }

    private static func chat(_ content: String, _ rest: String = "") -> HTTPReply {
        let quoted = content.replacing("\"", with: "\\\"")
        let body =
            #"{"model":"served","choices":[{"message":{"content":"\#(quoted)"},"finish_reason":"stop"}]\#(rest)}"#
        return HTTPReply(status: 200, fields: ["content-type": "application/json"], body: Array(body.utf8))
    }

    private static let usage = #","usage":{"prompt_tokens":1000000,"completion_tokens":0}"#

    private static func answer(_ request: String, _ rest: String = usage) -> HTTPReply {
        if request.contains("refund") { return chat(#"{"label":"refund"}"#, rest) }
        return request.contains("Lisbon") ? chat(#"{"city":"Oslo"}"#, rest) : chat("zyxw", rest)
    }

    private func findings(
        _ change: (inout EndpointConfiguration) -> Void = { _ in },
        _ answer: @escaping @Sendable (_ request: String) throws -> HTTPReply
    ) async -> [Finding] {
        var configuration = EndpointConfiguration(name: "big", baseURL: "https://big.example/v1", model: "big-1")
        configuration.prices = EndpointPrices([
            EndpointPrice(
                from: Timestamp(milliseconds: 0), input: PicoDollars(1_000_000), cachedInput: PicoDollars(1_000_000),
                output: PicoDollars(0))
        ])
        change(&configuration)
        let environment = EndpointEnvironment(
            transport: Script(answer: answer), metrics: Metrics(),
            logger: Logger(service: "test", level: .debug, sink: { _ in }))
        return EndpointFindings.of(await EndpointProbe(configuration, environment))
    }

    private func text(_ findings: [Finding]) -> [String] {
        findings.map { "\($0.check): \($0.verdict.rawValue), \($0.finding)" }
    }

    @Test func `what an able server supports fits on a screen, and shows no answer but the label`() async {
        let findings = await findings { Self.answer($0) }
        #expect(findings.count == 11)
        let lines = text(findings).map { $0.replacing(/\d+ ms/, with: "9 ms") }
        #expect(
            lines == [
                "server: ok, https://big.example/v1, model big-1",
                "key: ok, none: the endpoint's file names no keyFile",
                "TLS: ok, used, and the server's certificate is verified",
                "question for a label: ok, refund, in 9 ms",
                "question for a text: ok, answered in 9 ms",
                "question for JSON: ok, answered in 9 ms",
                "JSON schema: ok, enforced: the answer is valid for the schema",
                "probabilities: doubtful, asked for (logprobs), and left out of the answer",
                "usage: ok, told: 3000000 input tokens and 0 output tokens",
                "answering model: ok, the server says served",
                "cost: ok, 3.000000 USD, for 3 requests",
            ])
        #expect(findings.allSatisfy { !"\($0)".contains("zyxw") && !"\($0)".contains("Oslo") })
        #expect(findings.filter { $0.verdict != .good }.allSatisfy { $0.advice != nil })
    }

    @Test func `a server without schema, usage and price is doubtful, and not bad`() async {
        let findings = await findings {
            $0.prices = EndpointPrices()
            $0.topLogprobs = 0
            $0.baseURL = "http://big.example/v1"
        } _: { request in
            request.contains("response_format")
                ? HTTPReply(status: 400, body: Array("no response_format".utf8))
                : request.contains("refund") ? Self.chat("refund") : Self.answer(request, "")
        }
        let doubtful = findings.filter { $0.verdict == .doubtful }.map(\.check)
        #expect(doubtful == ["TLS", "JSON schema", "probabilities", "usage", "cost"])
        #expect(!findings.contains { $0.verdict == .bad })
    }

    @Test(arguments: [
        (401, "unauthorized", "key"), (404, "not_found", "baseURL"), (429, "rate_limited", "wait"),
        (503, "server_error", "log"),
    ])
    func `a refusal is one clear line with advice, and repeats nothing of the response`(
        status: Int, code: String, advice: String
    ) async throws {
        let findings = await findings { _ in HTTPReply(status: status, body: Array("Bearer sk-secret".utf8)) }
        let bad = try #require(findings.first { $0.check == "question for a label" })
        #expect(bad.verdict == .bad && bad.finding.hasPrefix("not answered: \(code), "))
        #expect(bad.advice?.contains(advice) == true)
        #expect(findings.map(\.check) == ["server", "key", "TLS", "question for a label"])
        #expect(!findings.contains { "\($0)".contains("secret") })
    }

    @Test func `a page in place of a response, and a broken TLS, are told with what to mend`() async {
        let page = await findings { _ in
            HTTPReply(status: 200, fields: ["content-type": "text/html"], body: Array("<p>".utf8))
        }
        #expect(page.last?.finding.contains("wrong_content_type") == true)
        #expect(page.last?.advice?.contains("/v1/chat/completions") == true)
        let tls = await findings { _ in throw TransportError(code: .tls, message: "expired", wasSent: false) }
        #expect(tls.last?.advice?.contains("caFile") == true)
    }

    @Test func `a key that cannot be used is told without a request`() async throws {
        let file = try TemporaryFile("two words")
        let findings = await findings {
            $0.key = APIKey(file: file.path, field: "Authorization")
        } _: {
            Self.answer($0)
        }
        #expect(findings.filter { $0.verdict == .bad }.map(\.check) == ["server", "key", "question for a label"])
        #expect(!findings.contains { "\($0)".contains("two words") })
    }

    @Test func `models test ends with 1 without a server, a file or a usable file, and with 2 without a name`()
        async throws
    {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        try #"{"baseURL":"http://127.0.0.1:1/v1","model":"m"}"#.write(
            toFile: folder.path("gone.json"), atomically: true, encoding: .utf8)
        try #"{"baseURL":"ftp://a","model":"m"}"#.write(
            toFile: folder.path("wrong.json"), atomically: true, encoding: .utf8)
        let environment = ["WINNOW_ENDPOINTS_DIRECTORY": folder.url.path]
        func test(_ words: String...) async throws -> Command.Result {
            try await Command.winnow(["models", "test"] + words, environment: environment)
        }
        let gone = try await test("gone", "--json")
        #expect(gone.status == 1, "\(gone.errors)")
        let rows = try #require(
            try JSONSerialization.jsonObject(with: Data(gone.output.utf8)) as? [[String: Any]])
        #expect(rows.compactMap { $0["check"] as? String } == ["server", "key", "TLS", "question for a label"])
        #expect((rows.last?["finding"] as? String)?.contains("unreachable") == true)
        #expect(gone.errors.isEmpty)
        let missing = try await test("nobody")
        #expect(missing.status == 1 && missing.errors.contains("nobody.json: No such file or directory"))
        let wrong = try await test("wrong")
        #expect(wrong.status == 1 && wrong.errors.contains("baseURL must be an http or https URL"))
        #expect(try await test().status == 2)
    }
}

/// What `winnow doctor` says about the endpoints of the catalog in force.
@Suite struct EndpointCheckTests {
    private static let noon = Timestamp(milliseconds: 1_790_000_000_000)

    private func findings(_ activity: EndpointActivity?, key: String? = nil) -> [Finding] {
        let keyFile = key.map { #","keyFile":"\#($0)""# } ?? ""
        let endpoint = EndpointDescription(
            name: "big", version: "1", file: #"{"baseURL":"https://big.example/v1","model":"m"\#(keyFile)}"#)
        return EndpointCheck.findings(
            Catalog([], endpoints: [endpoint]), folder: EndpointFolder("/nowhere"),
            activity: activity.map { [$0] } ?? [])
    }

    private func activity(
        _ tries: Int, failed: Int, open: Int = 0, answered: Int64? = 0, failure: Int64? = nil
    ) -> EndpointActivity {
        EndpointActivity(
            endpoint: "big", tries: tries, failedTries: failed, openTries: open,
            failures: failed > 0 ? "timed_out \(failed)" : "",
            answeredAt: answered.map { Self.noon.adding(milliseconds: $0) },
            failedAt: failure.map { Self.noon.adding(milliseconds: $0) })
    }

    @Test func `an endpoint is judged by how its tries of the last minutes ended`() {
        let cases: [(EndpointActivity?, Finding.Verdict)] = [
            (nil, .good), (activity(20, failed: 0), .good), (activity(1, failed: 0, open: 1, answered: nil), .good),
            // A refusal now and then is normal.
            (activity(20, failed: 2, failure: -1), .good), (activity(20, failed: 3, failure: -1), .doubtful),
            (activity(20, failed: 1, failure: 1), .doubtful), (activity(3, failed: 3, answered: nil, failure: 1), .bad),
        ]
        for (activity, verdict) in cases {
            let finding = findings(activity).last
            #expect(finding?.verdict == verdict, "\(String(describing: activity))")
            #expect(finding?.check == "endpoint big")
            #expect((finding?.advice == nil) == (verdict == .good))
        }
        #expect(findings(activity(9, failed: 3, open: 2, failure: -1)).last?.finding.contains("3 of 7 tries") == true)
        #expect(findings(activity(9, failed: 9, answered: nil)).last?.finding.contains("timed_out 9") == true)
    }

    @Test func `a key that is not on this machine is not checked, and one that is must be usable`() throws {
        #expect(findings(nil).first?.finding.hasPrefix("none") == true)
        #expect(findings(nil, key: "absent").first?.verdict == .good)
        #expect(findings(nil, key: "absent").first?.finding.hasPrefix("not checked here") == true)
        let good = try TemporaryFile("sk-secret\n"), bad = try TemporaryFile("sk secret")
        #expect(findings(nil, key: good.path).first?.verdict == .good)
        let finding = try #require(findings(nil, key: bad.path).first)
        #expect(finding.verdict == .bad && !"\(finding)".contains("secret"))
    }
}
