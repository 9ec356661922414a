import Foundation
import Synchronization

/// An HTTP server on loopback that answers as a test tells it, well or badly. Each connection has a thread.
final class MockServer: Sendable {
    struct Failure: Error {}

    struct Request: Sendable {
        let line: String
        /// Names are lower case.
        let fields: [String: String]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    typealias Handler = @Sendable (Exchange) -> Void

    let port: Int
    private let listener: Listener
    private let shared: Shared

    init(_ handler: @escaping Handler) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var count = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, count) + listen(descriptor, 512) + getsockname(descriptor, address, &count)
            }
        }
        guard code == 0 else { throw Failure() }
        let (listener, shared) = (Listener(descriptor), Shared(handler))
        (self.listener, self.shared) = (listener, shared)
        port = Int(UInt16(bigEndian: address.sin_port))
        let thread = Thread {
            while case let connection = accept(descriptor, nil, nil), connection >= 0 { shared.serve(connection) }
            listener.close()
        }
        thread.start()
    }

    deinit { stop() }

    func stop() {
        listener.shutdown()
        shared.state.withLock { state in for connection in state.open { shutdown(connection, Int32(SHUT_RDWR)) } }
    }

    var url: String { "http://127.0.0.1:\(port)/v1" }
    var requests: [Request] { shared.state.withLock { $0.requests } }
    var connections: Int { shared.state.withLock { $0.connections } }
}

/// What the threads of the connections share. It outlives the server, so that a connection is never shut down after it
/// was closed: its number may belong to another test by then.
private final class Shared: Sendable {
    typealias State = (requests: [MockServer.Request], open: Set<Int32>, connections: Int)

    let state = Mutex<State>(([], [], 0))
    private let handler: MockServer.Handler

    init(_ handler: @escaping MockServer.Handler) { self.handler = handler }

    func serve(_ connection: Int32) {
        state.withLock {
            $0.open.insert(connection)
            $0.connections += 1
        }
        let thread = Thread { [self] in
            var on: Int32 = 1
            setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            while let request = Exchange.read(from: connection) {
                state.withLock { $0.requests.append(request) }
                let exchange = Exchange(request: request, connection: connection)
                handler(exchange)
                if exchange.isOver { break }
            }
            state.withLock { _ = $0.open.remove(connection) }
            close(connection)
        }
        thread.stackSize = 1 << 19
        thread.start()
    }
}

/// A listening socket. Once it is closed, its number may belong to somebody else.
private final class Listener: Sendable {
    private let descriptor: Mutex<Int32?>

    init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    func shutdown() {
        descriptor.withLock { if let descriptor = $0 { _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    func close() {
        descriptor.withLock { descriptor in
            if let number = descriptor { _ = Glibc.close(number) }
            descriptor = nil
        }
    }
}

/// One request and what is sent back. Only the thread of its connection uses it.
final class Exchange {
    let request: MockServer.Request
    private let connection: Int32
    private(set) var isOver = false

    init(request: MockServer.Request, connection: Int32) {
        self.request = request
        self.connection = connection
    }

    func respond(_ status: Int, _ body: String, type: String = "application/json", fields: [String] = []) {
        respond(status, Array(body.utf8), type: type, fields: fields)
    }

    func respond(_ status: Int, _ body: [UInt8], type: String = "application/json", fields: [String] = []) {
        write(Array(head(status, type: type, length: body.count, fields: fields).utf8) + body)
    }

    func head(_ status: Int, type: String = "application/json", length: Int, fields: [String] = []) -> String {
        (["HTTP/1.1 \(status) Whatever", "Content-Type: \(type)", "Content-Length: \(length)"] + fields)
            .joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// - Returns: whether the client still takes it.
    @discardableResult func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Closes the connection as a server does that ends.
    func hangUp() {
        isOver = true
        shutdown(connection, Int32(SHUT_RDWR))
    }

    /// Closes the connection with a reset.
    func reset() {
        isOver = true
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    /// Waits until the client closes the connection.
    /// - Returns: `false` if it has not done so in the given time.
    @discardableResult func clientHangsUp(within milliseconds: Int32 = 60_000) -> Bool {
        var events = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        guard poll(&events, 1, milliseconds) == 1 else { return false }
        isOver = true
        return true
    }

    fileprivate static func read(from connection: Int32) -> MockServer.Request? {
        var bytes: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 1 << 16)
        func readMore() -> Bool {
            let count = recv(connection, &chunk, chunk.count, 0)
            if count > 0 { bytes += chunk[..<count] }
            return count > 0
        }
        let separator = Array("\r\n\r\n".utf8)
        while bytes.firstRange(of: separator) == nil { guard readMore() else { return nil } }
        guard let end = bytes.firstRange(of: separator) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        }
        let length = fields["content-length"].flatMap { Int($0) } ?? 0
        while bytes.count < end.upperBound + length { guard readMore() else { return nil } }
        return MockServer.Request(line: lines[0], fields: fields, body: Array(bytes[end.upperBound...].prefix(length)))
    }
}

/// Lets nobody go on until enough have come, and counts how many were there at the same time.
final class Gathering: @unchecked Sendable {
    private let condition = NSCondition()
    private let size: Int
    private var present = 0
    private var isComplete = false
    private var highest = 0

    /// - Parameter size: how many must be there at once before the first may leave.
    init(_ size: Int) { self.size = size }

    var most: Int { condition.withLock { highest } }

    /// - Returns: `false` if not enough came within a minute.
    func join() -> Bool {
        condition.withLock {
            present += 1
            highest = max(highest, present)
            isComplete = isComplete || present >= size
            condition.broadcast()
            let end = Date(timeIntervalSinceNow: 60)
            while !isComplete { guard condition.wait(until: end) else { return false } }
            return true
        }
    }

    func leave() { condition.withLock { present -= 1 } }
}
