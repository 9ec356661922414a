import Glibc

/// Files of a line or a page: a secret, an address, a list of topics. Foundation's would cost every service megabytes.
public enum SmallFile {
    /// - Units: bytes. What is longer is not what was meant.
    public static let limit = 1 << 20

    /// - Throws: `SmallFileError`, with the system's reason.
    public static func read(_ path: String) throws(SmallFileError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SmallFileError(path, errno) }
        defer { close(file) }
        var bytes: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SmallFileError(path, errno) }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= limit else { throw SmallFileError(path, EFBIG) }
            bytes += chunk[..<count]
        }
    }

    /// The file in UTF-8, or nil where it is none that can be read.
    public static func text(_ path: String) -> String? {
        (try? read(path)).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Writes beside and renames, so that a reader never sees half of it.
    /// - Throws: `SmallFileError`; what was there before is still there.
    public static func replace(_ path: String, with text: String) throws(SmallFileError) {
        var name = Array((path + ".XXXXXX").utf8CString)
        let file = mkstemp(&name)
        guard file >= 0 else { throw SmallFileError(path, errno) }
        var rest = Array(text.utf8)[...], reason = fchmod(file, 0o644) == 0 ? 0 : errno
        while reason == 0, !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { reason = errno }
        }
        if close(file) != 0, reason == 0 { reason = errno }
        if reason == 0, rename(name, path) != 0 { reason = errno }
        guard reason == 0 else {
            unlink(name)
            throw SmallFileError(path, reason)
        }
    }
}

/// A file that cannot be read or written; says which and why, never what is in it.
public struct SmallFileError: Error, Equatable, Sendable, CustomStringConvertible {
    public let path: String
    public let reason: String

    init(_ path: String, _ code: Int32) {
        self.path = path
        reason = String(cString: strerror(code))
    }

    public var description: String { "\(path): \(reason)" }
}
