import CMicroHTTPD
import Dispatch
import Glibc
import Lifecycle
import Settings

/// Answers short requests on a thread of its own, so that it reports health even if every other thread is busy.
///
/// A connection carries one request and has a deadline. A new connection is always accepted. If there are too many, an
/// older one is closed, so clients that never finish their requests cannot block a probe.
///
/// `@unchecked Sendable`: only `stop` touches `isStopped`, and only the owner calls it.
final class HTTPServer: @unchecked Sendable {
    typealias Answer = @Sendable (_ method: String, _ path: String) -> HTTPResponse

    let port: Int
    private let portFile: String?
    private let loop: HTTPLoop
    private let thread = ThreadExecutor()
    private let ended = DispatchSemaphore(value: 0)
    private var isStopped = false

    init(
        _ settings: HTTPSettings, limits: OpenConnections.Limits = OpenConnections.Limits(), answer: @escaping Answer
    ) throws(RuntimeError) {
        let socket = try ListenSocket(host: settings.host, port: settings.port)
        port = socket.port
        portFile = settings.portFile
        do {
            loop = try HTTPLoop(socket, limits: limits, answer: answer)
        } catch {
            thread.stop()
            throw error
        }
        thread.submit { [loop, ended] in
            loop.run()
            ended.signal()
        }
        thread.stop()
    }

    deinit { stop() }

    /// Ends the connections and frees the port.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        loop.stop()
        ended.wait()
    }

    /// Writes the file atomically, so that a reader never sees a partial number.
    func publishPort() throws(RuntimeError) {
        guard let portFile else { return }
        do {
            try SmallFile.replace(portFile, with: "\(port)\n")
        } catch {
            throw RuntimeError(.cannotPublishPort, "WINNOW_HTTP_PORT_FILE cannot be written", underlying: error)
        }
    }
}

/// The response of a path.
struct HTTPResponse: Equatable, Sendable {
    static let plain = "text/plain; charset=utf-8"
    static let json = "application/json"
    static let prometheus = "text/plain; version=0.0.4; charset=utf-8"

    var status: UInt32
    var contentType: String
    var body: String
    var allow: String?

    init(_ status: UInt32, _ contentType: String, _ body: String, allow: String? = nil) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.allow = allow
    }
}

/// A listening TCP socket, on the given port or on any free one.
struct ListenSocket {
    let descriptor: Int32
    let port: Int

    init(host: String, port: Int) throws(RuntimeError) {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard code == 0, let address = found?.pointee else {
            throw RuntimeError(.cannotListen, "WINNOW_HTTP_HOST \(host): \(String(cString: gai_strerror(code)))")
        }
        let type = address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = socket(address.ai_family, type, address.ai_protocol)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, SOMAXCONN) == 0,
            let bound = Self.boundPort(descriptor)
        else {
            let reason = String(cString: strerror(errno))
            Glibc.close(descriptor)
            throw RuntimeError(.cannotListen, "\(host):\(port): \(reason)")
        }
        self.port = bound
    }

    func close() { Glibc.close(descriptor) }

    private static func boundPort(_ descriptor: Int32) -> Int? {
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &count) }
        }
        guard code == 0 else { return nil }
        // The port is at the same offset in an IPv4 and an IPv6 address.
        return withUnsafeBytes(of: storage) { Int(UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))) }
    }
}
