#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file in memory without a copy. Only while a model loads: what is kept is copied out, so that a file that shrinks
/// under a running service cannot end it.
final class MappedFile {
    let path: String
    let bytes: UnsafeRawBufferPointer

    init(_ path: String) throws(ArtifactError) {
        self.path = path
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw ArtifactError(.unreadable, path, Self.reason) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw ArtifactError(.unreadable, path, Self.reason) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw ArtifactError(.unreadable, path, "it is not a file") }
        let count = Int(status.st_size)
        guard count > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, file, 0), start != MAP_FAILED else {
            throw ArtifactError(.unreadable, path, Self.reason)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
