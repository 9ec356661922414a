/// Sends one request and receives its whole response.
protocol HTTPTransport: Sendable {
    /// - Throws: `TransportError`; `CancellationError` if the task is cancelled, which aborts the transfer.
    func send(_ request: HTTPRequest) async throws -> HTTPReply
}

/// A POST request, with everything that limits it.
struct HTTPRequest: Sendable {
    struct Field: Equatable, Sendable {
        let name: String
        let value: String
    }

    struct Timeouts: Equatable, Sendable {
        /// Until the connection stands, including TLS.
        var connect: Duration = .seconds(5)
        /// From the start to the first byte of the response.
        var firstByte: Duration = .seconds(60)
        /// From the first to the last byte of the response. A server that sends it byte by byte ends here.
        var body: Duration = .seconds(30)
        var whole: Duration = .seconds(120)
    }

    var url: String
    /// They may contain a key, so nothing may log them.
    var fields: [Field]
    var body: [UInt8]
    var timeouts = Timeouts()
    /// A file of certificates in PEM; `nil` for those of the system.
    var certificates: String?
    /// `nil` for a direct connection, whatever the environment says.
    var proxy: String?
}

/// A response, whatever its status.
struct HTTPReply: Equatable, Sendable {
    /// - Units: bytes. The response of one call is a few kilobytes.
    static let mostBytes = 4 << 20
    /// - Units: bytes, of all header fields.
    static let mostFieldBytes = 64 << 10

    var status: Int
    /// Names are lower case. Of a repeated field, the first.
    var fields: [String: String] = [:]
    var body: [UInt8] = []
}

/// No complete response was received.
struct TransportError: Error, Equatable {
    enum Code: Equatable, Sendable {
        case unreachable, tls, timedOut, connectionLost, tooLarge, tooSlow, malformed, misconfigured
    }

    let code: Code
    let message: String
    /// Whether the server may have received the request. The call may then cost something.
    let wasSent: Bool
}
