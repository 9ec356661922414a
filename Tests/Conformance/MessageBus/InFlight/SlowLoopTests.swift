import Contracts
import Delivery
import Foundation
import KafkaBus
import Lifecycle
import MessageBus
import MessageBusTesting
import Telemetry
import Testing

/// A delivery loop with records in flight on a real consumer.
@Suite(.timeLimit(.minutes(2)))
struct SlowLoopTests {
    private struct Handler: BatchHandler {
        let calls: SlowCalls

        func isSlow(_ record: Record) -> Bool { record.text?.hasPrefix("slow") ?? false }

        func handle(_ records: [Record]) async throws -> [OutgoingRecord] { [] }

        func handleSlow(_ record: Record) async throws -> [OutgoingRecord] {
            try await calls.call(record.text ?? "")
            return []
        }
    }

    /// A loop of its own consumer, and what it has done.
    private struct Member {
        let consumer: KafkaConsumer
        let loop: DeliveryLoop<Handler>
        let metrics = Metrics()
        let log = LogLines()
        private let shutdown = GracefulShutdown()

        init(
            _ topic: String, _ settings: KafkaSettings, calls: SlowCalls, inFlight: InFlightLimits,
            overrides: [String: String] = [:]
        ) throws {
            let own = KafkaSettings(
                bootstrapServers: settings.bootstrapServers, overrides: settings.overrides.merging(overrides) { $1 })
            let logger = Logger(service: "conformance", level: .info, sink: log.add)
            consumer = try KafkaConsumer(
                settings: own, group: topic + ".group", topics: [topic], logger: logger, metrics: metrics)
            loop = DeliveryLoop(
                service: "slow", consumer: consumer,
                producer: try KafkaProducer(settings: own, logger: logger, metrics: metrics),
                handler: Handler(calls: calls), logger: logger, metrics: metrics, inFlight: inFlight)
        }

        func run() async throws {
            try await GracefulShutdown.$current.withValue(shutdown) { try await loop.run() }
        }

        func stop() { shutdown.trigger() }

        /// The number of records that are done.
        var done: Int {
            let line = metrics.render().split(separator: "\n").first {
                $0.hasPrefix("winnow_messaging_consumed_messages_total ")
            }
            return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
        }
    }

    private let topic = "winnow.test-\(UUID().uuidString.lowercased()).v1"
    private let calls = SlowCalls()

    private func send(_ texts: [String], _ settings: KafkaSettings) async throws {
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        try await producer.send(
            texts.map { OutgoingRecord(topic: topic, key: Array($0.utf8), value: Array($0.utf8)) })
        await producer.close()
    }

    private func uncommitted(_ admin: KafkaAdmin) async throws -> Int64 {
        try await admin.lag(group: topic + ".group", topics: [topic]).map(\.count).reduce(0, +)
    }

    /// The client itself removes a member from its group that does not poll for `max.poll.interval.ms`.
    @Test(arguments: [1, 256])
    func `a member whose record is open for longer than the poll interval stays in its group`(
        records: Int
    ) async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        let admin = try KafkaAdmin(settings: settings, logger: Cluster.logger)
        try await send(["slow-0"], settings)
        let member = try Member(
            topic, settings, calls: calls, inFlight: InFlightLimits(records: records),
            overrides: ["session.timeout.ms": "4000", "max.poll.interval.ms": "4000"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await member.run() }
            await calls.begun(1)
            let end = ContinuousClock.now + .seconds(8)
            while ContinuousClock.now < end { #expect(try await uncommitted(admin) == 1) }
            #expect(member.consumer.partitionCount == 1)
            // The first assignment is the only change.
            #expect(member.metrics.render().contains("winnow_kafka_rebalances_total{group_id=\"\(topic).group\"} 1\n"))
            calls.answer("slow-0")
            while try await uncommitted(admin) > 0 {}
            member.stop()
            try await group.waitForAll()
        }
        #expect(calls.now.begun == ["slow-0"])
    }

    @Test func `when a second member joins, records in flight are finished before it gets their partition`()
        async throws
    {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 2)
        let admin = try KafkaAdmin(settings: settings, logger: Cluster.logger)
        let texts = (0..<8).map { "slow-\($0)" }
        try await send(texts, settings)
        let first = try Member(topic, settings, calls: calls, inFlight: InFlightLimits(grace: .seconds(60)))
        let later = SlowCalls()
        later.answer(texts)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await first.run() }
            await calls.begun(8)
            // A consumer joins its group when it is made.
            let second = try Member(topic, settings, calls: later, inFlight: InFlightLimits())
            group.addTask { try await second.run() }
            await first.log.wait(for: "Partitions revoked")
            #expect(second.consumer.partitionCount == 0)
            #expect(calls.now.cancelled.isEmpty)
            calls.answer(texts)
            // An assignment without partitions comes first.
            await second.log.wait(for: "\"Partitions assigned\",\"winnow.count\":\"1\"")
            while try await uncommitted(admin) > 0 {}
            first.stop()
            second.stop()
            try await group.waitForAll()
        }
        #expect(calls.now.begun.sorted() == texts)
        #expect(calls.now.cancelled.isEmpty)
        // The coordinator accepts no commit while a further rebalance is in progress. Then records come twice.
        if !first.metrics.render().contains("REBALANCE_IN_PROGRESS") { #expect(later.now.begun.isEmpty) }
    }

    @Test func `records that are not finished in time are handed over, and nothing is lost`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 2)
        let admin = try KafkaAdmin(settings: settings, logger: Cluster.logger)
        let texts = (0..<8).map { "slow-\($0)" }
        try await send(texts, settings)
        let first = try Member(topic, settings, calls: calls, inFlight: InFlightLimits(grace: .zero))
        let later = SlowCalls()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await first.run() }
            await calls.begun(8)
            // A consumer joins its group when it is made.
            let second = try Member(topic, settings, calls: later, inFlight: InFlightLimits())
            group.addTask { try await second.run() }
            await later.begun(1)
            await calls.wait { !$0.cancelled.isEmpty }
            later.answer(texts)
            calls.answer(texts)
            while try await uncommitted(admin) > 0 {}
            first.stop()
            second.stop()
            try await group.waitForAll()
            #expect(first.done + second.done == 8)
        }
        // What the first member left, and nothing else, was handled by the second one.
        #expect(calls.now.cancelled.sorted() == later.now.begun.sorted())
    }
}
