import Foundation
import Models
import Testing

@testable import ModelEndpoint

/// A real client against a server that misbehaves: each case ends with one clear error.
@Suite struct HostileServerTests {
    @Test func `a good answer is read, with its usage and the model that the server names`() async throws {
        let server = try MockServer { $0.respond(200, Replies.chat(#"{"label":"refund"}"#, cached: 4)) }
        let output = try await Rig.over(server).ask("Give me my money back")[0]
        #expect(output.answer == .label("refund"))
        #expect(output.usage.inputTokens == 10)
        #expect(output.usage.cachedInputTokens == 4)
        #expect(output.usage.outputTokens == 2)
        #expect(!output.usage.isEstimated)
        #expect(output.usage.duration >= .zero)
        #expect(output.attempts.map(\.state) == [.answered])
        #expect(output.attempts[0].responseModel == "served-model")
        let request = try #require(server.requests.first)
        #expect(request.line == "POST /v1/chat/completions HTTP/1.1")
        #expect(request.fields["content-type"] == "application/json")
        #expect(request.fields["expect"] == nil)
        #expect(request.fields["user-agent"] == "winnow")
        #expect(request.text.contains("Give me my money back"))
    }

    @Test func `a server that sends nothing ends at the timeout of the first byte`() async throws {
        let server = try MockServer { $0.clientHangsUp() }
        let error = try await Rig.over(server) { $0.timeouts.firstByte = .milliseconds(100) }.error("a")
        #expect(error?.code == .timedOut)
        #expect(error?.isRetriable == true)
        #expect(error?.attempts.map(\.state) == [.unknown])
    }

    @Test func `a response that never ends is refused as too slow`() async throws {
        let server = try MockServer { exchange in
            exchange.write(Array(exchange.head(200, length: 10_000).utf8))
            while !exchange.clientHangsUp(within: 10) { exchange.write([0x20]) }
        }
        let error = try await Rig.over(server) { $0.timeouts.body = .milliseconds(200) }.error("a")
        #expect(error?.code == .responseTooSlow)
        #expect(error?.attempts.map(\.state) == [.unknown])
    }

    @Test func `the whole call has a limit of its own`() async throws {
        let server = try MockServer { exchange in
            exchange.write(Array(exchange.head(200, length: 10_000).utf8))
            while !exchange.clientHangsUp(within: 10) { exchange.write([0x20]) }
        }
        let error = try await Rig.over(server) { $0.timeouts.whole = .milliseconds(200) }.error("a")
        #expect(error?.code == .timedOut)
    }

    @Test func `a body that ends early is a lost connection that may have cost something`() async throws {
        let server = try MockServer { exchange in
            exchange.write(Array((exchange.head(200, length: 10_000) + #"{"choices":"#).utf8))
            exchange.hangUp()
        }
        let error = try await Rig.over(server).error("a")
        #expect(error?.code == .connectionLost)
        #expect(error?.isRetriable == true)
        #expect(error?.attempts.map(\.state) == [.unknown])
    }

    @Test func `a reset in the body is a lost connection`() async throws {
        let server = try MockServer { exchange in
            exchange.write(Array((exchange.head(200, length: 10_000) + #"{"choices":"#).utf8))
            exchange.reset()
        }
        #expect(try await Rig.over(server).error("a")?.code == .connectionLost)
    }

    @Test func `a server that nobody runs is unreachable, and costs nothing`() async throws {
        let server = try MockServer { $0.hangUp() }
        let rig = try Rig.over(server)
        server.stop()
        #expect(await rig.error("a") != nil)
        let error = try #require(await rig.error("a"))
        #expect(error.code == .unreachable || error.code == .connectionLost)
        let closed = Rig(try CurlDriver()) { $0.retries.most = 0 }
        let refused = try #require(await closed.error("a"))
        #expect(refused.code == .unreachable)
        #expect(refused.isDependencyUnavailable)
        #expect(refused.attempts.map(\.state) == [.failed])
    }

    @Test func `a response of more than 4 MiB is refused before it is whole`() async throws {
        let server = try MockServer { exchange in
            exchange.write(Array(exchange.head(200, length: 10 << 20).utf8))
            let chunk = [UInt8](repeating: 0x20, count: 1 << 16)
            for _ in 0..<160 where !exchange.isOver { if !exchange.write(chunk) { exchange.hangUp() } }
        }
        let error = try await Rig.over(server).error("a")
        #expect(error?.code == .responseTooLarge)
        #expect(error?.isRetriable == false)
    }

    @Test func `a header without an end is refused`() async throws {
        let server = try MockServer { exchange in
            exchange.write(Array("HTTP/1.1 200 OK\r\n".utf8))
            let field = Array("X-A: \(String(repeating: "a", count: 1000))\r\n".utf8)
            for _ in 0..<1000 where !exchange.isOver { if !exchange.write(field) { exchange.hangUp() } }
        }
        #expect(try await Rig.over(server).error("a")?.code == .responseTooLarge)
    }

    @Test(arguments: [
        ("{", ModelError.Code.malformedResponse), ("", .malformedResponse), ("[]", .malformedResponse),
        ("{}", .missingChoice), (#"{"choices":[]}"#, .missingChoice), (#"{"choices":7}"#, .missingChoice),
        (#"{"choices":[{}]}"#, .missingChoice), (#"{"choices":[{"message":{"content":null}}]}"#, .missingChoice),
        (#"{"choices":[{"message":{"content":"a"}},{"message":{"content":"a"}}]}"#, .duplicateChoices),
        (#"{"choices":[{"message":{"content":null,"refusal":"No."}}]}"#, .refused),
        (#"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#, .refused),
        (#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"1"}]}}]}"#, .toolCall),
        (#"{"choices":[{"message":{"content":null,"function_call":{"name":"f"}}}]}"#, .toolCall),
    ])
    func `a response without a usable answer has an error of its own`(body: String, code: ModelError.Code) async throws
    {
        let server = try MockServer { $0.respond(200, body) }
        let error = try await Rig.over(server).error("a")
        #expect(error?.code == code)
        #expect(server.requests.count == 1)
    }

    @Test func `bytes that are no UTF-8 are refused`() async throws {
        let body = Array(Replies.chat("refund").utf8).map { $0 == UInt8(ascii: "r") ? 0xFF : $0 }
        let server = try MockServer { $0.respond(200, body) }
        let error = try await Rig.over(server).error("a")
        #expect(error?.code == .malformedResponse)
        #expect(error?.message.contains("UTF-8") == true)
    }

    @Test(arguments: ["text/html", "", "text/json", "application/jsonlines"])
    func `another content type is refused, whatever the body`(type: String) async throws {
        let server = try MockServer { $0.respond(200, Replies.chat("refund"), type: type) }
        #expect(try await Rig.over(server).error("a")?.code == .wrongContentType)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect is refused, and nobody else gets the request`(status: Int) async throws {
        let other = try MockServer { $0.respond(200, Replies.chat("refund")) }
        let target = other.url
        let server = try MockServer { $0.respond(status, "", fields: ["Location: \(target)/chat/completions"]) }
        let error = try await Rig.over(server).error("a")
        #expect(error?.code == .redirected)
        #expect(error?.isRetriable == false)
        #expect(other.requests.isEmpty)
    }

    @Test func `connections are used again, and one that the server has closed is replaced`() async throws {
        let kept = try MockServer { $0.respond(200, Replies.chat("refund")) }
        let rig = try Rig.over(kept)
        for _ in 0..<5 { _ = try await rig.ask("a") }
        // One, unless a busy machine lets it idle until it is too old.
        #expect(kept.connections < 5)

        let closing = try MockServer { exchange in
            exchange.respond(200, Replies.chat("refund"))
            exchange.hangUp()
        }
        let other = try Rig.over(closing)
        for _ in 0..<5 { #expect(try await other.ask("a")[0].answer == .label("refund")) }
        #expect(closing.connections == 5)
        #expect(closing.requests.count == 5)
    }
}
