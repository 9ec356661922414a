import CRDKafka
import Foundation
import MessageBus
import Telemetry
import Testing

@testable import KafkaBus

/// The behaviour of a consumer when its broker goes away and returns.
@Suite(.timeLimit(.minutes(2)))
struct BrokerRestartTests {
    private let topic = "winnow.test-\(UUID().uuidString.lowercased()).v1"
    private let log = LogLines()

    private func member(
        _ settings: KafkaSettings, progress: ProgressWatch.Bounds = .init(), metrics: Metrics = Metrics()
    ) throws -> KafkaConsumer {
        try KafkaConsumer(
            settings: settings, group: topic + ".group", topics: [topic], progress: progress,
            logger: Logger(service: "conformance", level: .info, sink: log.add), metrics: metrics)
    }

    private func send(_ values: [String], _ settings: KafkaSettings) async throws {
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        try await producer.send(
            values.map { OutgoingRecord(topic: topic, key: Array($0.utf8), value: Array($0.utf8)) })
        await producer.close()
    }

    @Test func `a loop that is paused while its broker goes away gets records again once it has resumed`() async throws
    {
        let broker = try DevBrokerProcess(topics: [topic: 2])
        let (consumer, batch) = try await broker.whileUp { () -> (KafkaConsumer, [Record]) in
            try await send((0..<8).map { "old-\($0)" }, broker.settings)
            let consumer = try member(broker.settings)
            let batch = try await consumer.take(8)
            await consumer.pause()
            return (consumer, batch)
        }
        // The session ends while the broker is away, so the partitions are lost.
        await log.wait(for: "Partitions lost")
        #expect(consumer.partitionCount == 0)
        try await broker.whileUp {
            await log.wait(for: "Partitions assigned")
            #expect(consumer.held(batch) == [])
            // These are offsets of the lost log. The new log begins at 0 and must not be skipped.
            try await consumer.commit(batch)
            await consumer.resume()
            try await send((0..<8).map { "new-\($0)" }, broker.settings)
            let again = try await consumer.take(8)
            #expect(Set(again.compactMap(\.text)) == Set((0..<8).map { "new-\($0)" }))
            #expect(consumer.held(again) == again)
            await consumer.close()
        }
    }

    @Test func `a loop that is paused before its partitions come stays paused, and misses nothing`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 2)
        try await send(["a", "b", "c"], settings)
        let consumer = try member(settings)
        await consumer.pause()
        await log.wait(for: "Partitions assigned")
        await consumer.resume()
        #expect(Set(try await consumer.take(3).compactMap(\.text)) == ["a", "b", "c"])
        await consumer.close()
    }

    @Test func `a consumer that fetches nothing although records wait says so, and joins its group anew`() async throws
    {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        let metrics = Metrics()
        let consumer = try member(
            settings, progress: .init(stall: .seconds(10), look: .milliseconds(200)), metrics: metrics)
        let (verdicts, continuation) = AsyncStream.makeStream(of: Bool.self)
        consumer.onProgress { continuation.yield($0) }
        try await send(["first"], settings)
        try await consumer.commit(try await consumer.take(1))
        // Simulates a client with inconsistent state: the loop wants records, but the partition is paused.
        try await consumer.pauseBehindItsBack(TopicPartition(topic: topic, partition: 0))
        try await send(["second"], settings)
        #expect(try await consumer.take(1).compactMap(\.text) == ["second"])
        continuation.finish()
        #expect(await verdicts.reduce(into: []) { $0.append($1) } == [false, true])
        let text = metrics.render()
        #expect(!text.contains("winnow_kafka_consumer_rejoins_total{group_id=\"\(topic).group\"} 0"))
        #expect(text.contains("winnow_kafka_consumer_stalled{group_id=\"\(topic).group\"} 0"))
        await consumer.close()
    }

    @Test func `a consumer whose records are in flight and not committed is not stalled`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        let admin = try KafkaAdmin(settings: settings, logger: Cluster.logger)
        let consumer = try member(settings, progress: .init(stall: .seconds(1), look: .milliseconds(100)))
        try await send(["in flight"], settings)
        let records = try await consumer.take(1)
        async let next = consumer.take(1)
        let (verdicts, continuation) = AsyncStream.makeStream(of: Bool.self)
        consumer.onProgress { continuation.yield($0) }
        let end = ContinuousClock.now + .seconds(4)
        while ContinuousClock.now < end {
            #expect(try await admin.lag(group: topic + ".group", topics: [topic]).map(\.count) == [1])
        }
        try await send(["next"], settings)
        #expect(try await next.compactMap(\.text) == ["next"])
        continuation.finish()
        #expect(await verdicts.reduce(into: []) { $0.append($1) } == [])
        try await consumer.commit(records)
        await consumer.close()
    }
}

extension KafkaConsumer {
    fileprivate func pauseBehindItsBack(_ partition: TopicPartition) async throws {
        try await onThread { consumer in
            let list = PartitionList([partition])
            consumer.handle.withPointer { _ = rd_kafka_pause_partitions($0, list.pointer) }
        }
    }
}
