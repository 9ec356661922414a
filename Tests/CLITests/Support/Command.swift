import Foundation

/// Runs the real executables as separate processes.
enum Command {
    struct Result: Sendable {
        var status: Int32
        var output: String
        var errors: String
    }

    /// The executables are in the folder of the test bundle.
    static let binaries: URL = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(filePath: bundle).deletingLastPathComponent()
    }()

    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func winnow(
        _ arguments: [String], input: String = "", environment: [String: String] = [:], directory: URL = repository
    ) async throws -> Result {
        try await run(
            binaries.appending(path: "winnow").path, arguments, input: input, environment: environment,
            directory: directory)
    }

    /// Runs a script that finds the executables by name, for changes to descriptors that only a shell can make.
    static func shell(
        _ script: String, input: String = "", environment: [String: String] = [:], directory: URL = repository
    ) async throws -> Result {
        try await run(
            "/bin/bash", ["-c", script], input: input, environment: environment, directory: directory)
    }

    /// Runs a program to its end, with only the given environment.
    static func run(
        _ executable: String, _ arguments: [String], input: String = "", environment: [String: String] = [:],
        directory: URL = repository
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            // Waiting blocks, so it uses its own thread.
            Thread.detachNewThread {
                continuation.resume(
                    with: Swift.Result { try runBlocking(executable, arguments, input, environment, directory) })
            }
        }
    }

    private static func runBlocking(
        _ executable: String, _ arguments: [String], _ input: String, _ environment: [String: String], _ directory: URL
    ) throws -> Result {
        let folder = try TemporaryFolder()
        // Uses files, not pipes: a pipe that nobody reads blocks the program that fills it.
        let files = ["input", "output", "errors"].map { folder.url.appending(path: $0) }
        try Data(input.utf8).write(to: files[0])
        for file in files[1...] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        let process = Process()
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.currentDirectoryURL = directory
        process.environment = environment.merging(
            ["PATH": "\(binaries.path):/usr/bin:/bin", "LC_ALL": "C.UTF-8"]) { given, _ in given }
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
            output: String(decoding: try Data(contentsOf: files[1]), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
    }
}

extension Command {
    /// The lines that a command writes on a terminal with this number of columns.
    static func terminal(
        _ command: String, width: Int, environment: [String: String] = [:], directory: URL = repository
    ) async throws -> [String] {
        let result = try await run(
            "/usr/bin/script",
            ["--quiet", "--return", "--command", "stty cols \(width) rows 40; \(command)", "/dev/null"],
            environment: environment, directory: directory)
        // Drops text that was overwritten on its line.
        return result.output.split(separator: "\r\n").map { line in
            line.split(separator: "\r\u{1B}[K", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        }
    }
}
