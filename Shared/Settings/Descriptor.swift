import Glibc

/// Complete reads and writes of a file descriptor: a file, a pipe or a terminal, blocking or not.
public enum Descriptor {
    /// - Returns: 0 once every byte is written, or the `errno` of the first failure.
    public static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Int32 {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            errno = 0
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if let reason = failure(of: descriptor, waitingFor: POLLOUT) {
                return reason
            }
        }
        return 0
    }

    /// Reads to the end.
    /// - Parameter limit: in bytes. A longer input fails with `EFBIG`.
    /// - Throws: the `errno`.
    public static func read(_ descriptor: Int32, limit: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if let reason = failure(of: descriptor, waitingFor: POLLIN) { throw Failure(code: reason) }
                continue
            }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= limit else { throw Failure(code: EFBIG) }
            bytes += chunk[..<count]
        }
    }

    public struct Failure: Error {
        public let code: Int32
    }

    /// Waits if the last call would have blocked.
    /// - Returns: `nil` if the call should be repeated.
    private static func failure(of descriptor: Int32, waitingFor event: Int32) -> Int32? {
        switch errno {
        case EINTR: return nil
        case EAGAIN:
            var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            return poll(&entry, 1, -1) >= 0 || errno == EINTR ? nil : errno
        // A write of zero bytes without an error must not be repeated forever.
        case 0: return EIO
        case let reason: return reason
        }
    }
}
