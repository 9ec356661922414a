import Foundation
import PostgresStore
import Settings

/// The server for the tests: the one that `DATABASE_URL` or `PGHOST` names, or a private one for this process, which
/// ends together with it.
enum TestCluster {
    /// The settings of the server. The first test that needs them starts it and blocks until it runs.
    static let settings = Result { try start() }

    static let isPrivate: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return environment["DATABASE_URL"] == nil && environment["PGHOST"] == nil
    }()

    private static func start() throws -> PostgresSettings {
        var environment = ProcessInfo.processInfo.environment
        if isPrivate {
            // The path is short because a socket's path is limited, and outside of temporary directories of a single
            // user.
            let directory = "/tmp/winnow-test-\(ProcessInfo.processInfo.processIdentifier)"
            for (key, value) in try run(["start", directory, "--parent", "\(getpid())", "--remove"]) {
                environment[key] = value
            }
        }
        var reader = SettingsReader(environment: environment)
        return try PostgresSettings(from: &reader)
    }

    private static func run(_ arguments: [String]) throws -> [(String, String)] {
        let process = Process()
        process.executableURL = root.appending(path: "infra/postgres/cluster.sh")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ClusterError(status: process.terminationStatus) }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map { line in
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    struct ClusterError: Error { let status: Int32 }
}
