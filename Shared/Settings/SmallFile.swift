import Glibc

/// Reads and writes small files, such as a secret, an address or a list of topics. Foundation would cost every service
/// megabytes.
public enum SmallFile {
    /// The largest file that is read. A larger one was probably named by mistake. - Units: bytes.
    public static let limit = 1 << 20

    /// - Throws: `SmallFileError`, with the system's reason.
    public static func read(_ path: String, limit: Int = limit) throws(SmallFileError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SmallFileError(path, errno) }
        defer { close(file) }
        return try read(file, path, limit)
    }

    /// Returns the file as UTF-8, or `nil` if it cannot be read as UTF-8.
    public static func text(_ path: String) -> String? {
        (try? read(path)).flatMap { String(validating: $0, as: UTF8.self) }
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Reads a file that only this user can read or write.
    /// - Throws: `SmallFileError` if other users have access. The file is then not read.
    public static func readPrivate(_ path: String) throws(SmallFileError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw SmallFileError(path, errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw SmallFileError(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SmallFileError(path, "is not a regular file") }
        guard status.st_uid == geteuid() else { throw SmallFileError(path, "belongs to another user") }
        guard status.st_mode & 0o077 == 0 else {
            throw SmallFileError(path, "can be read or written by other users; run chmod 600 on it")
        }
        return try read(file, path, limit)
    }

    public static func replace(_ path: String, with text: String) throws(SmallFileError) {
        try replace(path, with: Array(text.utf8))
    }

    /// Writes a whole file to a temporary name and renames it, so that a reader never sees a partial file.
    ///
    /// Only a regular file is replaced. For a symbolic link, the target is replaced. A device or a pipe is written to
    /// directly: renaming over `/dev/null` would break every other process.
    /// - Throws: `SmallFileError`. An existing file is then unchanged.
    public static func replace(_ path: String, with bytes: [UInt8]) throws(SmallFileError) {
        switch try destination(path) {
        case .file(let path, let mode): try replaceFile(path, mode, bytes)
        case .stream:
            let stream = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
            guard stream >= 0 else { throw SmallFileError(path, errno) }
            try write(bytes, to: stream, path)
        case .descriptor(let number):
            let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { throw SmallFileError(path, errno) }
            try write(bytes, to: copy, path)
        }
    }

    /// - Throws: `SmallFileError` if `replace` could not write. A caller can check this before long work.
    public static func ensureReplaceable(_ path: String) throws(SmallFileError) {
        switch try destination(path) {
        case .file(let path, _):
            let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "."
            guard access(String(folder), W_OK | X_OK) == 0 else { throw SmallFileError(path, errno) }
        case .stream: guard access(path, W_OK) == 0 else { throw SmallFileError(path, errno) }
        case .descriptor(let number): guard fcntl(number, F_GETFD) >= 0 else { throw SmallFileError(path, errno) }
        }
    }

    /// Returns whether the path is a regular file, or a link to one.
    public static func isRegular(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Removes a file that `replace` wrote. A device or a pipe stays.
    public static func remove(_ path: String) {
        if case .file(let path, _)? = try? destination(path) { unlink(path) }
    }

    private enum Destination {
        /// With the permissions of the existing file, or `nil` if there is none.
        case file(String, mode: mode_t?)
        case stream
        /// An open file descriptor of this process, such as `/dev/stdout`. It is written to as it is: opening the path
        /// again would start at the beginning of the file.
        case descriptor(Int32)
    }

    private static func destination(_ path: String) throws(SmallFileError) -> Destination {
        if let number = descriptor(path) { return .descriptor(number) }
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT else { throw SmallFileError(path, errno) }
            guard lstat(path, &status) != 0 else {
                throw SmallFileError(path, "is a symbolic link to a file that does not exist")
            }
            return .file(path, mode: nil)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            guard let resolved = realpath(path, nil) else { throw SmallFileError(path, errno) }
            defer { free(resolved) }
            return .file(String(cString: resolved), mode: status.st_mode & 0o7777)
        case S_IFDIR: throw SmallFileError(path, EISDIR)
        case S_IFSOCK: throw SmallFileError(path, "is a socket")
        default: return .stream
        }
    }

    private static func descriptor(_ path: String) -> Int32? {
        switch path {
        case "/dev/stdout": return STDOUT_FILENO
        case "/dev/stderr": return STDERR_FILENO
        default:
            return ["/dev/fd/", "/proc/self/fd/"].filter { path.hasPrefix($0) }
                .compactMap { Int32(path.dropFirst($0.utf8.count)) }.first
        }
    }

    private static func replaceFile(_ path: String, _ mode: mode_t?, _ bytes: [UInt8]) throws(SmallFileError) {
        // `mkstemp` is not used, because it ignores the umask.
        let name = "\(path).\(getpid()).\(String(UInt32.random(in: 0 ... .max), radix: 36))"
        let file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw SmallFileError(path, errno) }
        // An existing file keeps its permissions. If another user owns it, setting them may fail.
        if let mode { _ = fchmod(file, mode) }
        do throws(SmallFileError) {
            try write(bytes, to: file, path)
            guard rename(name, path) == 0 else { throw SmallFileError(path, errno) }
        } catch {
            unlink(name)
            throw error
        }
    }

    /// Writes all bytes and closes the file.
    private static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(SmallFileError) {
        var reason = Descriptor.write(bytes, to: file)
        if close(file) != 0, reason == 0 { reason = errno }
        guard reason == 0 else { throw SmallFileError(path, reason) }
    }

    private static func read(_ file: Int32, _ path: String, _ limit: Int) throws(SmallFileError) -> [UInt8] {
        do {
            return try Descriptor.read(file, limit: limit)
        } catch {
            throw SmallFileError(path, error.code)
        }
    }
}

/// A file cannot be read or written. The error names the file and the reason, and never its contents.
public struct SmallFileError: Error, Equatable, Sendable, CustomStringConvertible {
    public let path: String
    public let reason: String

    public init(_ path: String, _ code: Int32) { self.init(path, String(cString: strerror(code))) }

    init(_ path: String, _ reason: String) {
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(path): \(reason)" }
}
