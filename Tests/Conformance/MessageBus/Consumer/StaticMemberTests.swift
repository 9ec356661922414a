import Foundation
import KafkaBus
import MessageBus
import Telemetry
import Testing

/// Tests `KAFKA_GROUP_INSTANCE_ID`, which only the live adapter has.
@Suite(.timeLimit(.minutes(1)))
struct StaticMemberTests {
    private let topic = "winnow.test-\(UUID().uuidString.lowercased()).v1"

    private func member(_ id: String, _ cluster: KafkaSettings, _ metrics: Metrics) throws -> KafkaConsumer {
        let settings = KafkaSettings(
            bootstrapServers: cluster.bootstrapServers, groupInstanceID: id, overrides: cluster.overrides)
        return try KafkaConsumer(
            settings: settings, group: topic + ".group", topics: [topic], logger: Cluster.logger, metrics: metrics)
    }

    private func rebalances(_ metrics: Metrics) -> String? {
        metrics.render().split(separator: "\n").first { $0.hasPrefix("winnow_kafka_rebalances_total{") }.map(
            String.init)
    }

    @Test func `a static member that is started again gets partitions again, and on Kafka the others keep theirs`()
        async throws
    {
        let cluster = try await Cluster.shared.settings(withTopic: topic, partitions: 2)
        let producer = try KafkaProducer(settings: cluster, logger: Cluster.logger, metrics: Metrics())
        let metrics = Metrics()
        let stayer = try member("stayer", cluster, metrics)
        let first = try member("other", cluster, Metrics())
        let tally = Tally()
        var sent = 0
        func send() async throws {
            let next = sent
            try await producer.send(
                (next..<next + 8).map { number in
                    OutgoingRecord(topic: topic, key: Array("key-\(number)".utf8), value: Array("\(number)".utf8))
                })
            sent += 8
            await tally.waitFor(count: sent)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await tally.take(from: stayer, as: 0) }
            try await withThrowingTaskGroup(of: Void.self) { inner in
                inner.addTask { try await tally.take(from: first, as: 1) }
                while tally.members < 2 { try await send() }
                first.stop()
                try await inner.waitForAll()
            }
            await first.close()
            let before = rebalances(metrics)
            let second = try member("other", cluster, Metrics())
            group.addTask { try await tally.take(from: second, as: 2) }
            while tally.members < 3 { try await send() }
            // The embedded broker treats it as a new member (`infra/kafka/README.md`). Nothing is lost there either.
            if !Cluster.isEmbedded { #expect(rebalances(metrics) == before) }
            stayer.stop()
            second.stop()
            try await group.waitForAll()
            #expect(tally.numbers == Set(0..<sent))
            await second.close()
        }
        await stayer.close()
    }
}
