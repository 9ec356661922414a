import Foundation
import KafkaBus
import Lifecycle
import MessageBus
import Telemetry
import Testing

/// Tests the reader that the chaos run uses for topics.
@Suite(.timeLimit(.minutes(1)))
struct TopicTailTests {
    private let topic = "winnow.test-\(UUID().uuidString.lowercased()).v1"

    @Test func `a pipe that takes a part at a time gets every byte`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        func send(_ value: String) async throws {
            try await producer.send([
                OutgoingRecord(topic: topic, key: Array("key".utf8), value: Array(value.utf8))
            ])
        }
        // More than the buffer of a pipe.
        let large = String(repeating: "x", count: 300_000)
        try await send(large)
        let (process, pipe, thread) = (Process(), Pipe(), ThreadExecutor())
        defer { thread.stop() }
        process.executableURL = DevBrokerProcess.executable.deletingLastPathComponent().appending(path: "TopicTail")
        process.arguments = [topic, "beginning"]
        process.environment = ["KAFKA_BOOTSTRAP_SERVERS": settings.bootstrapServers]
        process.standardOutput = pipe
        let flags = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_GETFL)
        #expect(fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFL, flags | O_NONBLOCK) == 0)
        try process.run()
        var seen = Data(), hasSentLast = false
        while !seen.hasSuffix("\tlast\n") {
            seen += try await thread.run { pipe.fileHandleForReading.availableData }
            guard seen.count > 1000, !hasSentLast else { continue }
            hasSentLast = true
            try await send("last")
        }
        process.terminate()
        try await thread.run { process.waitUntilExit() }
        let lines = seen.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        #expect(lines.map { $0.split(separator: "\t").last.map(String.init) } == [large, "last"])
        await producer.close()
    }
}

extension Data {
    fileprivate func hasSuffix(_ text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
