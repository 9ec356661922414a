import Glibc

/// The listening sockets of this process, found among its open files.
enum ListenSockets {
    /// Turns Nagle's algorithm off for every connection that will be accepted on one of `ports`.
    ///
    /// librdkafka's mock cluster leaves it on, and a producer that has several requests in flight then waits 40 ms for
    /// the second answer: until the client's delayed acknowledgement of the first. Linux hands the option down from
    /// the listening socket.
    static func sendAtOnce(ports: Set<UInt16>) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for descriptor in 0..<Int32(clamping: min(limit.rlim_cur, 65_536)) {
            guard isListening(descriptor), let port = port(descriptor), ports.contains(port) else { continue }
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout.size(ofValue: on)))
        }
    }

    private static func isListening(_ descriptor: Int32) -> Bool {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout.size(ofValue: value))
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0
    }

    private static func port(_ descriptor: Int32) -> UInt16? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout.size(ofValue: address))
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return code == 0 && address.sin_family == sa_family_t(AF_INET) ? UInt16(bigEndian: address.sin_port) : nil
    }
}
