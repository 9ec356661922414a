import Foundation
import KafkaBus
import Lifecycle
import Testing

/// An embedded broker in a separate process, which can stop and restart on the same port with empty topics.
final class DevBrokerProcess: Sendable {
    let settings: KafkaSettings
    private let port: UInt16
    private let directory: URL
    private let thread = ThreadExecutor()

    init(topics: [String: Int], overrides: [String: String] = [:]) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "dev-broker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let entries = topics.map { #"{"name":"\#($0.key)","partitions":\#($0.value)}"# }.joined(separator: ",")
        try Data(#"{"topics":[\#(entries)]}"#.utf8).write(to: directory.appending(path: "topics.json"))
        // Uses a port below the kernel's range for connections. Otherwise a client could get the port of a stopped
        // broker.
        port = UInt16.random(in: 15_000...32_000)
        settings = KafkaSettings(
            bootstrapServers: "127.0.0.1:\(port)",
            overrides: ["session.timeout.ms": "4000"].merging(overrides) { $1 })
    }

    deinit {
        thread.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    /// The executables are in the folder of the test bundle.
    static var executable: URL {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: "dev-broker")
    }

    /// Runs the broker while `body` runs. It listens when `body` begins, and has ended when this returns.
    func whileUp<Result>(_ body: () async throws -> Result) async throws -> Result {
        let process = Process()
        process.executableURL = Self.executable
        process.environment = [
            "WINNOW_TOPICS_FILE": directory.appending(path: "topics.json").path, "DEV_BROKER_PORT": "\(port)",
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // The broker prints its address once it listens.
        let line = try await thread.run { output.fileHandleForReading.availableData }
        #expect(!line.isEmpty)
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        process.terminate()
        try await thread.run { process.waitUntilExit() }
        return try result.get()
    }
}

/// The log of a client, which a test can await.
struct LogLines: Sendable {
    private let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() { (lines, continuation) = AsyncStream.makeStream() }

    func add(_ line: [UInt8]) { continuation.yield(String(decoding: line, as: UTF8.self)) }

    /// Returns when a line with the text has been logged since the last call.
    func wait(for text: String) async { for await line in lines where line.contains(text) { return } }
}
