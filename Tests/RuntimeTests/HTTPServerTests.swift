import Foundation
import Settings
import Testing

@testable import Runtime

@Suite struct HTTPServerTests {
    @Test func `any free port is taken, told, and freed again`() throws {
        let server = try server()
        #expect(server.port > 0)
        #expect(try LoopbackClient(port: server.port).get("/a").body == "GET /a")
        server.stop()
        server.stop()
        #expect(throws: LoopbackClient.Failure.self) { try LoopbackClient(port: server.port).get("/a") }
    }

    @Test func `a port that is taken is refused, and the error names it`() throws {
        let first = try server()
        defer { first.stop() }
        let error = #expect(throws: RuntimeError.self) { try server(["WINNOW_HTTP_PORT": "\(first.port)"]) }
        #expect(error?.code == .cannotListen)
        #expect(error?.description.contains("\(first.port)") == true)
    }

    @Test func `a host that is not this machine's is refused`() {
        #expect(throws: RuntimeError.self) { try server(["WINNOW_HTTP_HOST": "192.0.2.1"]) }
        #expect(throws: RuntimeError.self) { try server(["WINNOW_HTTP_HOST": "no such host"]) }
    }

    @Test func `the port file appears whole and holds the real port`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "winnow-port-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let server = try server(["WINNOW_HTTP_PORT_FILE": path])
        defer { server.stop() }
        try server.publishPort()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(server.port)\n")
    }

    @Test func `a port file that cannot be written is a fault`() throws {
        let server = try server(["WINNOW_HTTP_PORT_FILE": "/proc/no/such/folder"])
        defer { server.stop() }
        #expect(throws: RuntimeError.self) { try server.publishPort() }
    }

    @Test func `HEAD has no body, and a request's body is not taken for a path`() throws {
        let server = try server()
        defer { server.stop() }
        let client = LoopbackClient(port: server.port)
        #expect(try client.send("HEAD /a").body.isEmpty)
        #expect(try client.send("POST /b", body: "GET /c").body == "POST /b")
    }

    @Test(arguments: ["\r\n\r\n", "nonsense\r\n\r\n", "GET\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET /%00 HTTP/1.1\r\n\r\n"])
    func `what is not HTTP does not stop the server`(text: String) throws {
        let server = try server()
        defer { server.stop() }
        let stranger = try Connection(port: server.port, sending: Array(text.utf8))
        #expect(try LoopbackClient(port: server.port).get("/a").status == 200)
        withExtendedLifetime(stranger) {}
    }

    @Test func `many concurrent requests are all answered`() async throws {
        let server = try server()
        defer { server.stop() }
        let client = LoopbackClient(port: server.port)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 { group.addTask { try client.get("/a").status } }
            for try await status in group { #expect(status == 200) }
        }
    }

    private func server(_ environment: [String: String] = [:]) throws -> HTTPServer {
        var reader = SettingsReader(environment: environment)
        return try HTTPServer(try HTTPSettings(&reader)) { HTTPResponse(200, HTTPResponse.plain, "\($0) \($1)") }
    }
}
