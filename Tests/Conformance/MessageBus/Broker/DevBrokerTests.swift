import Foundation
import KafkaBus
import Lifecycle
import MessageBus
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DevBrokerTests {
    private let directory = FileManager.default.temporaryDirectory.appending(path: "dev-broker-\(UUID().uuidString)")

    @Test func `the broker's process serves the catalog, tells its address and ends on SIGTERM with 0`() async throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "address")
        let topics = directory.appending(path: "topics.json")
        try Data(#"{"topics":[{"name":"winnow.test.v1","partitions":3}]}"#.utf8).write(to: topics)

        let process = Process()
        process.executableURL = DevBrokerProcess.executable
        process.environment = ["DEV_BROKER_ADDRESS_FILE": file.path, "WINNOW_TOPICS_FILE": topics.path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }

        // The first line is the address. The file exists before it is printed.
        let thread = ThreadExecutor()
        defer { thread.stop() }
        let line = try await thread.run { String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) }
        let address = line.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try String(contentsOf: file, encoding: .utf8) == address + "\n")

        let settings = KafkaSettings(bootstrapServers: address)
        let admin = try KafkaAdmin(settings: settings, logger: Cluster.logger)
        #expect(try await admin.metadata() == ClusterMetadata(brokers: 1, topics: ["winnow.test.v1": 3]))
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        try await producer.send([OutgoingRecord(topic: "winnow.test.v1", key: [1], value: [2])])
        await producer.close()

        process.terminate()
        try await thread.run { process.waitUntilExit() }
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 0)
        #expect(!FileManager.default.fileExists(atPath: file.path))
    }
}
