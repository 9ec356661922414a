import Foundation

/// Runs a program to its end without blocking the cooperative pool.
enum Command {
    struct Result: Sendable {
        var status: Int32
        var output: String
        var errors: String

        /// Standard output, with each line parsed as a JSON object.
        var objects: [[String: Any]] {
            output.split(separator: "\n").compactMap {
                try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
        }
    }

    static func run(
        _ executable: URL, _ arguments: [String], input: [UInt8] = [], environment: [String: String]? = nil
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Swift.Result { try runBlocking(executable, arguments, input, environment) })
            }
        }
    }

    private static func runBlocking(
        _ executable: URL, _ arguments: [String], _ input: [UInt8], _ environment: [String: String]?
    ) throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appending(path: "winnow-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        // Uses files, not pipes: a pipe that nobody reads blocks the program that fills it.
        let files = ["input", "output", "errors"].map { directory.appending(path: $0) }
        try Data(input).write(to: files[0])
        for file in files[1...] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = Repository.root
        if let environment { process.environment = environment }
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: try String(contentsOf: files[1], encoding: .utf8),
            errors: try String(contentsOf: files[2], encoding: .utf8))
    }
}
