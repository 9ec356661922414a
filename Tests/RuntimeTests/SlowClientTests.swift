import Settings
import Testing

@testable import Runtime

/// Clients that open connections and never finish a request.
@Suite(.serialized) struct SlowClientTests {
    @Test func `600 half-sent requests do not delay livez`() throws {
        let server = try server()
        defer { server.stop() }
        let half = try (0..<600).map { _ in try Connection(port: server.port, sending: Array("GET /livez HTT".utf8)) }
        #expect(try answerTime(of: server) < .seconds(1))
        withExtendedLifetime(half) {}
    }

    @Test func `64 requests that trickle do not delay livez`() throws {
        let server = try server()
        defer { server.stop() }
        let trickling = try (0..<64).map { _ in try Connection(port: server.port, sending: Array("GET /livez?".utf8)) }
        for _ in 0..<5 {
            for client in trickling { client.send([UInt8(ascii: "x")]) }
            #expect(try answerTime(of: server) < .seconds(1))
        }
        withExtendedLifetime(trickling) {}
    }

    @Test(.timeLimit(.minutes(1)))
    func `a request that trickles is ended at its deadline, however often a byte comes`() throws {
        let server = try server(lifetime: .milliseconds(300))
        defer { server.stop() }
        let client = try Connection(port: server.port, sending: Array("GET /livez?".utf8))
        let start = ContinuousClock.now
        while !client.isEnded(within: .milliseconds(20)) { client.send([UInt8(ascii: "x")]) }
        #expect(start.duration(to: .now) >= .milliseconds(250))
    }

    @Test func `ended connections are freed: more clients than the server ever holds are all accepted`() throws {
        let server = try server(perAddress: 8, total: 16)
        defer { server.stop() }
        for _ in 0..<20 {
            let half = try (0..<16).map { _ in try Connection(port: server.port, sending: Array("GET /li".utf8)) }
            #expect(try LoopbackClient(port: server.port).get("/livez").status == 200)
            withExtendedLifetime(half) {}
        }
    }

    private func answerTime(of server: HTTPServer) throws -> Duration {
        let start = ContinuousClock.now
        #expect(try LoopbackClient(port: server.port).get("/livez").status == 200)
        return start.duration(to: .now)
    }

    private func server(
        perAddress: Int = 64, total: Int = 256, lifetime: Duration = .seconds(60)
    ) throws -> HTTPServer {
        var reader = SettingsReader(environment: [:])
        let limits = OpenConnections.Limits(perAddress: perAddress, total: total, lifetime: lifetime)
        return try HTTPServer(try HTTPSettings(&reader), limits: limits) { method, path in
            HTTPResponse(200, HTTPResponse.plain, "\(method) \(path)")
        }
    }
}
