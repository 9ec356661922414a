import Foundation
import Models
import Testing

@testable import ModelEndpoint

/// To whom a request goes, and whom the client trusts.
@Suite struct ConnectionTests {
    @Test func `a proxy of the environment is ignored`() async {
        // A process of its own, because the environment belongs to all tests.
        await #expect(processExitsWith: .success) {
            let server = try MockServer { $0.respond(200, Replies.chat("refund")) }
            for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] { setenv(name, "http://127.0.0.1:1", 1) }
            let output = try await Rig.over(server).ask("a")[0]
            #expect(output.answer == .label("refund"))
        }
    }

    @Test func `a proxy of the file is used, whatever the environment excepts`() async throws {
        let proxy = try MockServer { $0.respond(200, Replies.chat("refund")) }
        let rig = Rig(try CurlDriver(), url: "http://model.invalid/v1") {
            $0.proxy = "http://127.0.0.1:\(proxy.port)"
        }
        #expect(try await rig.ask("a")[0].answer == .label("refund"))
        #expect(proxy.requests.map(\.line) == ["POST http://model.invalid/v1/chat/completions HTTP/1.1"])
    }

    @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/a", "telnet://127.0.0.1"])
    func `no other protocol is spoken`(url: String) async throws {
        let request = HTTPRequest(url: url, fields: [], body: [])
        let error = await #expect(throws: TransportError.self) { try await CurlDriver().send(request) }
        #expect(error?.code == .misconfigured)
        #expect(error?.wasSent == false)
    }

    @Test func `a certificate that nobody vouches for is refused, and a file of certificates can vouch`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "winnow-tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try TLSServer(in: folder, answering: Replies.chat("refund"))
        defer { server.stop() }

        func rig(_ certificates: String?, host: String = "localhost") throws -> Rig {
            Rig(try CurlDriver(), url: "https://\(host):\(server.port)/v1") {
                $0.retries.most = 0
                $0.certificates = certificates
            }
        }
        let stranger = try await rig(nil).error("a")
        #expect(stranger?.code == .tls)
        #expect(stranger?.isRetriable == false)
        #expect(stranger?.attempts.map(\.state) == [.failed])
        // The certificate is for localhost only.
        #expect(try await rig(server.certificate, host: "127.0.0.1").error("a")?.code == .tls)
        #expect(try await rig(folder.path + "/no-such-file").error("a")?.code == .tls)
        #expect(try await rig(server.certificate).ask("a")[0].answer == .label("refund"))
    }
}

/// A server with a certificate that it signed itself, for localhost. Python's TLS is the only one at hand.
private final class TLSServer {
    struct Failure: Error {}

    let port: Int
    let certificate: String
    private let process = Process()

    private static let program = """
        import http.server, ssl, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                body = sys.argv[2].encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *arguments): pass
        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *arguments): pass
        server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    init(in folder: URL, answering body: String) throws {
        certificate = folder.appending(path: "certificate.pem").path
        let pair = folder.appending(path: "pair.pem").path
        let openssl = Process()
        openssl.executableURL = URL(filePath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", pair, "-out", certificate,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        let key = try String(contentsOfFile: pair, encoding: .utf8)
        try (key + String(contentsOfFile: certificate, encoding: .utf8)).write(
            toFile: pair, atomically: true, encoding: .utf8)

        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.program, pair, body]
        process.standardOutput = output
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            kill(process.processIdentifier, SIGKILL)
            throw Failure()
        }
        self.port = port
    }

    /// Threads of tests may block SIGTERM, and a child inherits that.
    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
