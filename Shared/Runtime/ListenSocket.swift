import Glibc

/// A TCP socket that listens, on the port it was given or on any free one.
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
        // The port stands at the same place in an IPv4 and an IPv6 address.
        return withUnsafeBytes(of: storage) { Int(UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))) }
    }
}
