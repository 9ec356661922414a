import CMicroHTTPD
import Glibc

/// The event loop of an HTTP server. libmicrohttpd reads, parses and writes. This loop enforces the deadlines of
/// connections: libmicrohttpd has only an idle timeout, which a client circumvents by sending a byte now and then.
///
/// `@unchecked Sendable`: only the thread that calls `run` touches `connections` and the daemon.
final class HTTPLoop: @unchecked Sendable {
    private typealias Address = OpenConnections.Address

    private let answer: HTTPServer.Answer
    /// A pipe. A byte in it ends the loop.
    private let wakeUp: (read: Int32, write: Int32)
    private var connections: OpenConnections
    private var daemon: OpaquePointer?

    /// Takes ownership of the socket.
    init(
        _ socket: ListenSocket, limits: OpenConnections.Limits, answer: @escaping HTTPServer.Answer
    ) throws(RuntimeError) {
        self.answer = answer
        connections = OpenConnections(limits)
        var ends: [Int32] = [-1, -1]
        let hasPipe = pipe(&ends) == 0 && ends.allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }
        wakeUp = (ends[0], ends[1])
        // More than `connections` admits, because connections that were chosen to be closed still count for a moment.
        // At its own limit libmicrohttpd would stop accepting.
        daemon = winnow_mhd_start(
            socket.descriptor, UInt32(2 * limits.total), received, changed, Unmanaged.passUnretained(self).toOpaque())
        guard daemon != nil, hasPipe else {
            if let daemon { MHD_stop_daemon(daemon) } else { socket.close() }
            throw RuntimeError(.cannotListen, "the HTTP server cannot start on port \(socket.port)")
        }
    }

    deinit {
        close(wakeUp.read)
        close(wakeUp.write)
    }

    /// Serves until `stop`, then ends all connections and frees the port.
    func run() {
        guard let daemon else { return }
        var events = [winnow_mhd_epoll(daemon), wakeUp.read].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while events[1].revents == 0 {
            poll(&events, nfds_t(events.count), timeout(of: daemon))
            MHD_run(daemon)
            for descriptor in connections.removeOverdue(at: .now) { end(descriptor) }
        }
        MHD_stop_daemon(daemon)
        self.daemon = nil
    }

    func stop() {
        var byte: UInt8 = 1
        write(wakeUp.write, &byte, 1)
    }

    /// Returns the milliseconds until libmicrohttpd or a deadline of a connection needs the loop again; -1 if none
    /// does.
    private func timeout(of daemon: OpaquePointer) -> Int32 {
        var own: UInt64 = 0
        if MHD_get_timeout(daemon, &own) != winnow_mhd_refused { return Int32(clamping: own) }
        guard let deadline = connections.nextDeadline else { return -1 }
        return Int32(clamping: Int((ContinuousClock.now.duration(to: deadline) / .milliseconds(1)).rounded(.up)))
    }

    /// The daemon notices the shutdown and closes the descriptor itself.
    private func end(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_RDWR)) }

    fileprivate func opened(_ descriptor: Int32, from address: UnsafePointer<sockaddr>?) {
        if let old = connections.add(descriptor, from: Self.network(of: address), at: .now) { end(old) }
    }

    fileprivate func closed(_ descriptor: Int32) { connections.remove(descriptor) }

    fileprivate func respond(to connection: OpaquePointer, _ method: String, _ path: String) -> MHD_Result {
        let response = answer(method, path)
        var body = response.body
        return body.withUTF8 { bytes in
            winnow_mhd_answer(
                connection, response.status, response.contentType, response.allow, bytes.baseAddress, bytes.count)
        }
    }

    private static func network(of address: UnsafePointer<sockaddr>?) -> Address {
        guard let address else { return 0 }
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            return Address(UnsafeRawPointer(address).load(as: sockaddr_in.self).sin_addr.s_addr)
        case AF_INET6:
            let bytes = UnsafeRawPointer(address).load(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: bytes) { bytes in
                let half = bytes.load(as: UInt64.self)
                // The address of an IPv4 client on a dual-stack socket is in the last four bytes.
                let isMapped = half == 0 && bytes[10] == 0xff && bytes[11] == 0xff
                return isMapped ? Address(bytes.load(fromByteOffset: 12, as: UInt32.self)) : half
            }
        default: return 0
        }
    }
}

/// Called by `MHD_run`. A request body is not read.
private func received(
    context: UnsafeMutableRawPointer?, connection: OpaquePointer?, path: UnsafePointer<CChar>?,
    method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?, upload: UnsafePointer<CChar>?,
    uploadCount: UnsafeMutablePointer<Int>?, state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let context, let connection, let path, let method else { return winnow_mhd_refused }
    return Unmanaged<HTTPLoop>.fromOpaque(context).takeUnretainedValue()
        .respond(to: connection, String(cString: method), String(cString: path))
}

/// Called by `MHD_run` while the descriptor is still open.
private func changed(
    context: UnsafeMutableRawPointer?, connection: OpaquePointer?,
    socketContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, code: MHD_ConnectionNotificationCode
) {
    guard let context, let connection else { return }
    let loop = Unmanaged<HTTPLoop>.fromOpaque(context).takeUnretainedValue()
    let descriptor = winnow_mhd_socket(connection)
    if code == winnow_mhd_started {
        loop.opened(descriptor, from: winnow_mhd_address(connection))
    } else {
        loop.closed(descriptor)
    }
}

/// The connections of an HTTP server. Decides how long each may last, and which one closes to make room for a new one.
struct OpenConnections {
    struct Limits: Sendable {
        /// The maximum number of connections from one address.
        var perAddress = 64
        var total = 256
        /// The maximum time from the first byte of the request to the last byte of the answer.
        var lifetime = Duration.seconds(10)
    }

    /// The network of a client: an IPv4 address, or the first half of an IPv6 address, because one host may own the
    /// other half.
    typealias Address = UInt64
    typealias Descriptor = Int32

    private struct Connection {
        let descriptor: Descriptor
        let address: Address
        let deadline: ContinuousClock.Instant
    }

    private let limits: Limits
    /// The oldest connection comes first, which also has the earliest deadline.
    private var connections: [Connection] = []

    init(_ limits: Limits) { self.limits = limits }

    /// - Returns: the connection to close if there are too many. It is removed from the list here.
    mutating func add(_ descriptor: Descriptor, from address: Address, at now: ContinuousClock.Instant) -> Descriptor? {
        connections.append(Connection(descriptor: descriptor, address: address, deadline: now + limits.lifetime))
        if connections.count(where: { $0.address == address }) > limits.perAddress { return removeOldest(of: address) }
        // The address with the most connections loses one, so a few clients cannot keep out all others.
        return connections.count > limits.total ? removeOldest(of: busiestAddress) : nil
    }

    /// An unknown descriptor is ignored. Its connection was removed when it was chosen to be closed.
    mutating func remove(_ descriptor: Descriptor) { connections.removeAll { $0.descriptor == descriptor } }

    /// - Returns: the connections to close because their deadline has passed. They are removed from the list here.
    mutating func removeOverdue(at now: ContinuousClock.Instant) -> [Descriptor] {
        let overdue = connections.prefix { $0.deadline <= now }.map(\.descriptor)
        connections.removeFirst(overdue.count)
        return overdue
    }

    var nextDeadline: ContinuousClock.Instant? { connections.first?.deadline }

    private var busiestAddress: Address? {
        Dictionary(grouping: connections, by: \.address).max { $0.value.count < $1.value.count }?.key
    }

    private mutating func removeOldest(of address: Address?) -> Descriptor? {
        guard let index = connections.firstIndex(where: { $0.address == address }) else { return nil }
        return connections.remove(at: index).descriptor
    }
}
