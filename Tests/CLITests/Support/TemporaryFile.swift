import Foundation

/// A file that is deleted when its last reference is released.
final class TemporaryFile {
    let path: String

    init(_ bytes: [UInt8], name: String = "file") throws {
        path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString)-\(name)").path
        try Data(bytes).write(to: URL(filePath: path))
    }

    convenience init(_ text: String, name: String = "file") throws { try self.init(Array(text.utf8), name: name) }

    /// The text, compressed by the system's gzip and truncated after `share` of its bytes.
    static func gzipped(_ text: String, share: Double = 1) throws -> TemporaryFile {
        let plain = try TemporaryFile(text)
        let gzip = Process()
        let output = Pipe()
        gzip.executableURL = URL(filePath: "/bin/gzip")
        gzip.arguments = ["-c", plain.path]
        gzip.standardOutput = output
        try gzip.run()
        let whole = try output.fileHandleForReading.readToEnd() ?? Data()
        gzip.waitUntilExit()
        return try TemporaryFile(Array(whole.prefix(Int(Double(whole.count) * share))), name: "file.gz")
    }

    /// Keeps the file until `body` returns, because the object itself may be released after its last use.
    func reading<Result>(_ body: (String) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(path) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
