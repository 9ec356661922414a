import Contracts
import Foundation
import KafkaBus
import MessageBus
import Telemetry
import Testing

extension `Whole suite` {
    /// The peak memory of a process so far. - Units: bytes.
    private func peakMemory(of services: [ServiceProcess]) throws -> Int {
        try services.map { service in
            let status = try String(contentsOfFile: "/proc/\(service.processID)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
            return try #require(Int(line.filter(\.isNumber))) * 1024
        }.max() ?? 0
    }

    private func text(_ record: Record) -> String { String(decoding: record.value ?? [], as: UTF8.self) }

    /// The embedded broker accepts what Kafka refuses for its `compression.type`, so this is the worst case.
    @Test
    func `fifty kilobytes of gzip that unpack to fifty megabytes are answered, and never copied or parsed`()
        async throws
    {
        let suite = try await Suite.shared()
        let unpacked = 50_000_000
        let servers = try #require(suite.environment["KAFKA_BOOTSTRAP_SERVERS"])
        let settings = KafkaSettings(bootstrapServers: servers)
        let packing = KafkaSettings(
            bootstrapServers: servers,
            overrides: [
                "compression.codec": "gzip", "message.max.bytes": "100000000", "queue.buffering.max.kbytes": "200000",
            ])
        let (logger, metrics) = (Logger(service: "end-to-end", level: .error), Metrics())
        let results = try await KafkaReader(
            settings: settings, topic: Topic.results, from: .end, logger: logger, metrics: metrics)
        let letters = try await KafkaReader(
            settings: settings, topic: Topic.deadLetters, from: .end, logger: logger, metrics: metrics)
        let before = try peakMemory(of: await suite.services("decomposer"))
        let producer = try KafkaProducer(settings: packing, logger: logger, metrics: metrics)
        let id = "packed-\(UUID())"
        let value = [UInt8](repeating: UInt8(ascii: " "), count: unpacked)
        let binary = CloudEvent(id: id, type: "winnow.request.v1", source: "/test", data: value)
            .record(topic: Topic.requests(.interactive), key: Array(id.utf8))
        // Its id is only in the value, which is never read.
        let structured = OutgoingRecord(
            topic: Topic.requests(.interactive), key: Array(id.utf8), value: value,
            headers: [Header("content-type", text: "application/cloudevents+json")])
        do {
            try await producer.send([binary])
            try await producer.send([structured])
        } catch let error as MessageBusError where error.code == .tooLarge {
            // Apache Kafka refuses the record.
            return await producer.close()
        }
        await producer.close()
        var result: Record?
        while result == nil, let batch = try await results.nextBatch() {
            result = batch.first { text($0).contains(id) }
        }
        var letter: Record?
        while letter == nil, let batch = try await letters.nextBatch() {
            letter = batch.first { DeadLetter.reason(of: $0) == "ContractError.too_large" }
        }
        results.stop()
        letters.stop()
        #expect(result.map(text)?.contains("too_large: ") == true)
        #expect(letter.map(DeadLetter.isReference) == true)
        // librdkafka unpacks each record into a separate buffer. When records were copied and parsed, it was fourteen
        // times as much.
        let growth = try peakMemory(of: await suite.services("decomposer")) - before
        #expect(growth < 3 * unpacked, "the decomposer's peak grew by \(growth) bytes")
    }
}
