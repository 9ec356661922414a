import Glibc

/// The part of HTTP that the tests need: one request, one response, then the connection is closed.
struct LoopbackClient {
    struct Failure: Error {}

    let port: Int

    func get(_ path: String) throws -> (status: Int, body: String) { try send("GET \(path)") }

    func send(_ request: String, body: String = "") throws -> (status: Int, body: String) {
        let text =
            "\(request) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let answer = try Connection(port: port, sending: Array(text.utf8)).answer()
        guard let end = answer.firstRange(of: "\r\n\r\n"), let status = Int(answer.dropFirst(9).prefix(3)) else {
            throw Failure()
        }
        return (status, String(answer[end.upperBound...]))
    }
}

/// A TCP connection to this machine, which is closed when its last reference is released.
final class Connection {
    private let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)

    init(port: Int, sending bytes: [UInt8]) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0, write(descriptor, bytes, bytes.count) == bytes.count else {
            throw LoopbackClient.Failure()
        }
    }

    deinit { close(descriptor) }

    /// Sending to a server that has closed the connection is not a fault here.
    func send(_ bytes: [UInt8]) { Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Whether the server closes the connection before the time is over.
    func isEnded(within patience: Duration) -> Bool {
        var events = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&events, 1, Int32(patience / .milliseconds(1))) == 1 else { return false }
        var byte: UInt8 = 0
        return read(descriptor, &byte, 1) <= 0
    }

    /// Reads until the server closes the connection.
    func answer() -> String {
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
            answer += chunk.prefix(count)
        }
    }
}
