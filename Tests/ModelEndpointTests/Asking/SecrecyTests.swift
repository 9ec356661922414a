import Contracts
import Foundation
import Models
import Testing

@testable import ModelEndpoint

/// The key, and everything else that no error, log line or metric may show.
@Suite struct SecrecyTests {
    private static let key = "sk-very-secret-key-0123456789"
    private static let prompt = "the-customer-s-own-words"
    private static let answer = "the-model-s-own-words"
    private static let header = "a-secret-header-value"

    private static func withKey(_ text: String, _ body: (String) async throws -> Void) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "winnow-key-\(UUID())")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        try await body(file.path)
    }

    /// Responses that repeat what must stay secret, and others that make the client talk.
    private static let replies: [@Sendable (HTTPRequest) throws -> HTTPReply] =
        [200, 204, 301, 400, 401, 403, 404, 408, 413, 422, 429, 500, 503].map { status in
            { request in
                let echo = String(decoding: request.body, as: UTF8.self) + key + answer
                return HTTPReply(
                    status: status,
                    fields: [
                        "content-type": "application/\(answer)", "retry-after": key, "location": "http://\(key)/",
                    ], body: Array(echo.utf8))
            }
        } + [
            { _ in .json(Replies.chat(answer)) }, { _ in .json("{\"\(answer)\":") },
            { _ in .json(Replies.chat(#"{"label":"\#(answer)"}"#, finish: "length")) },
            { _ in .json("{\"choices\":[{\"message\":{\"refusal\":\"\(answer)\"}}]}") },
            { _ in .json("{\"error\":\"\(key): response_format logprobs \(answer)\"}", status: 400) },
            { _ in throw TransportError(code: .connectionLost, message: "lost", wasSent: true) },
        ]

    @Test func `no prompt, answer or key is in an error, a log line or a metric`() async throws {
        try await Self.withKey(Self.key + "\n") { file in
            for reply in Self.replies {
                for items in [1, 2] {
                    let (rig, transport) = Rig.scripted({
                        $0.key = APIKey(file: file, field: "Authorization")
                        $0.extraFields = [HTTPRequest.Field(name: "X-Secret", value: Self.header)]
                        $0.topLogprobs = 5
                        $0.itemsPerCall = items
                    }) { request, _ in try reply(request) }
                    let error = try #require(await rig.error(Self.prompt, Self.prompt + "2"))
                    var dumped = ""
                    dump(error, to: &dumped)
                    let shown = [
                        "\(error)", String(reflecting: error), dumped, error.localizedDescription,
                        "\(error as any Error)", rig.log, rig.figures,
                    ].joined()
                    for secret in [Self.prompt, Self.answer, Self.key, Self.header, "What does the customer want"] {
                        #expect(!shown.contains(secret), "\(error.code)")
                    }
                    #expect(
                        transport.requests[0].fields.contains(
                            HTTPRequest.Field(name: "Authorization", value: "Bearer " + Self.key)))
                }
            }
        }
    }

    @Test func `an error that carries paid answers does not show them`() async throws {
        let (rig, _) = Rig.scripted({ $0.retries.most = 0 }) { request, _ in
            String(decoding: request.body, as: UTF8.self).contains("poison")
                ? .json("{}", status: 422) : .json(Replies.chat(Self.answer))
        }
        let question = Question(task: "t", description: "Sum it up.", kind: .text)
        let error = try #require(await rig.error("a", "poison", as: question))
        #expect(error.outputs.compactMap { $0?.answer } == [.text(Self.answer)])
        var dumped = ""
        dump(error, to: &dumped)
        #expect(!(dumped + String(reflecting: error) + "\(error)").contains(Self.answer))
    }

    @Test func `a new key in the file needs no restart, and another header carries it as it is`() async throws {
        try await Self.withKey("first") { file in
            let (rig, transport) = Rig.scripted({ $0.key = APIKey(file: file, field: "api-key") }) { _, _ in
                .json(Replies.chat("refund"))
            }
            _ = try await rig.ask("a")
            try "second\r\n".write(toFile: file, atomically: true, encoding: .utf8)
            _ = try await rig.ask("a")
            let keys = transport.requests.map { $0.fields.last }
            #expect(keys == ["first", "second"].map { HTTPRequest.Field(name: "api-key", value: $0) })
        }
    }

    @Test(arguments: ["", "\n", "two\nlines", "a b", "é", "a\u{0}b"])
    func `a file that is no key is refused, and nothing is sent`(text: String) async throws {
        try await Self.withKey(text) { file in
            let (rig, transport) = Rig.scripted({ $0.key = APIKey(file: file, field: "Authorization") }) { _, _ in
                .json(Replies.chat("refund"))
            }
            let error = await rig.error("a")
            #expect(error?.code == .keyUnreadable)
            #expect(error?.attempts.map(\.cost.amount) == [0])
            #expect(transport.requests.isEmpty)
        }
    }

    @Test func `a key that a redirect asks for stays here`() async throws {
        try await Self.withKey(Self.key) { file in
            let other = try MockServer { $0.respond(200, Replies.chat("refund")) }
            let target = other.url
            let server = try MockServer { $0.respond(302, "", fields: ["Location: \(target)"]) }
            _ = try await Rig.over(server) { $0.key = APIKey(file: file, field: "Authorization") }.error("a")
            #expect(server.requests.map { $0.fields["authorization"] } == ["Bearer " + Self.key])
            #expect(other.requests.isEmpty)
        }
    }
}
