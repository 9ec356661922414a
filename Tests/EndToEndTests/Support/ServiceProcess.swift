import Foundation
import Synchronization

/// A running executable of the build under test.
final class ServiceProcess: Sendable {
    let name: String
    private let process: Process
    private let portFile: URL

    init(_ name: String, environment: [String: String], directory: URL) throws {
        self.name = name
        let instance = "\(name)-\(UInt32.random(in: 0...UInt32.max))"
        portFile = directory.appending(path: "\(instance).port")
        process = Process()
        process.executableURL = Repository.binaries.appending(path: name)
        process.currentDirectoryURL = Repository.root
        process.environment = environment.merging(["WINNOW_HTTP_PORT_FILE": portFile.path]) { $1 }
        let log = directory.appending(path: "\(instance).log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        process.standardError = try FileHandle(forWritingTo: log)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        Self.running.withLock { $0[process.processIdentifier] = name }
    }

    var isRunning: Bool { process.isRunning }

    var processID: Int32 { process.processIdentifier }

    /// Waits until `/readyz` reports ready.
    func ready() async throws {
        try await Eventually.holds("\(name) is ready", within: .seconds(40)) {
            guard process.isRunning else { throw SuiteFault("\(name) ended with \(process.terminationStatus)") }
            return try await http("/readyz").status == 200
        }
    }

    func http(_ path: String) async throws -> (status: Int, body: String) {
        guard let text = try? String(contentsOf: portFile, encoding: .utf8), let port = Int(text.trimmed) else {
            return (0, "")
        }
        let answer = try await Command.run(
            URL(filePath: "/usr/bin/curl"),
            ["--silent", "--max-time", "5", "--write-out", "\n%{http_code}", "http://127.0.0.1:\(port)\(path)"])
        let lines = answer.output.split(separator: "\n", omittingEmptySubsequences: false)
        return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
    }

    /// - Returns: the exit code after SIGTERM.
    func terminate() async -> Int32 {
        process.terminate()
        return await exitCode()
    }

    func kill() async {
        Foundation.kill(process.processIdentifier, SIGKILL)
        _ = await exitCode()
    }

    private func exitCode() async -> Int32 {
        let code = await withCheckedContinuation { continuation in
            Thread.detachNewThread { [process] in
                process.waitUntilExit()
                continuation.resume(returning: process.terminationStatus)
            }
        }
        Self.running.withLock { $0[process.processIdentifier] = nil }
        return code
    }

    /// The processes that the test process must end, by process id.
    static let running = Mutex<[Int32: String]>([:])

    /// Ends the broker last, because a consumer that leaves its group without a broker waits until its timeout.
    static func stopAll() {
        let left = running.withLock(\.self)
        for isBroker in [false, true] {
            let members = left.filter { ($0.value == "dev-broker") == isBroker }.keys
            for process in members { Foundation.kill(process, SIGTERM) }
            // A process that was already waited for is no longer a child and is skipped.
            for process in members { waitpid(process, nil, 0) }
        }
    }
}

extension String {
    var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
