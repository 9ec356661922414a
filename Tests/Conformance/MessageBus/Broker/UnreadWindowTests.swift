import Contracts
import KafkaBus
import Lifecycle
import MessageBus
import Synchronization
import Telemetry
import Testing

/// A producer and slower readers on a separate embedded broker, which keeps 5 MiB for each partition.
@Suite(.timeLimit(.minutes(2)))
struct UnreadWindowTests {
    private let topic = Topic.outcomes(.interactive)
    private let broker: EmbeddedBroker
    private let settings: KafkaSettings
    private let log = LogLines()
    private let metrics = Metrics()

    init() throws {
        broker = try EmbeddedBroker(
            catalog: TopicCatalog(entries: [
                TopicCatalog.Entry(name: topic, partitions: 1), TopicCatalog.Entry(name: Topic.results, partitions: 1),
            ]), logger: Cluster.logger)
        settings = KafkaSettings(
            bootstrapServers: broker.bootstrapServers, overrides: ["session.timeout.ms": "4000"])
    }

    private func producer(_ limit: UnreadLimit = .service) throws -> KafkaProducer {
        try KafkaProducer(
            settings: settings, limit: limit,
            logger: Logger(service: "conformance", level: .warning, sink: log.add), metrics: metrics)
    }

    private func reader() throws -> KafkaConsumer {
        try KafkaConsumer(
            settings: settings, group: ConsumerGroup.name(of: "aggregator"), topics: [topic], maxBatch: 1,
            logger: Cluster.logger, metrics: Metrics())
    }

    /// Records of 256 KiB, the maximum size of requests.
    private func records(_ count: Int, for topic: String) -> [OutgoingRecord] {
        (0..<count).map {
            OutgoingRecord(topic: topic, key: Array("\($0)".utf8), value: [UInt8](repeating: 0x20, count: 256 << 10))
        }
    }

    /// - Returns: the offsets up to `last`, in the order of reading.
    private func read(upTo last: Int64) async throws -> [Int64] {
        let reader = try reader()
        var offsets: [Int64] = []
        while offsets.last != last, let batch = try await reader.nextBatch() {
            offsets += batch.map(\.offset)
            try await reader.commit(batch)
        }
        await reader.close()
        return offsets
    }

    @Test func `a producer that outruns its readers waits for them, and every record is read`() async throws {
        let producer = try producer()
        let hasSentWhatItCan = Signal()
        // Twice the amount that the partition keeps.
        async let sending: Void = {
            try await producer.send(records(40, for: topic)) { hasSentWhatItCan.fire() }
            hasSentWhatItCan.fire()
        }()
        await hasSentWhatItCan.wait()
        #expect(try await read(upTo: 39) == Array(0..<40))
        try await sending
        #expect(metrics.render().contains("\nwinnow_kafka_unread_limit_exceeded_total 0\n"))
        await producer.close()
    }

    @Test func `readers that read nothing are waited for once, and then no longer`() async throws {
        let producer = try producer(UnreadLimit(bytes: 1 << 20, longestWait: .milliseconds(300)))
        let waits = Mutex(0)
        for _ in 0..<2 { try await producer.send(records(8, for: topic)) { waits.withLock { $0 += 1 } } }
        try #require(metrics.render().contains("\nwinnow_kafka_unread_limit_exceeded_total 1\n"))
        await log.wait(for: "Readers do not keep up")
        // There is none if the first look took longer than the maximum wait.
        #expect(waits.withLock(\.self) <= 1)
        #expect(try await read(upTo: 15) == Array(0..<16))
        await producer.close()
    }

    @Test func `a submitting client waits for records of others too, and fails if nobody reads`() async throws {
        let (other, producer) = (try producer(), try producer(.submission))
        try await other.send(records(1, for: topic))
        let impatient = try self.producer(
            UnreadLimit(bytes: 2 << 20, longestWait: .milliseconds(300), isStrict: true))
        let error = await #expect(throws: MessageBusError.self) { try await impatient.send(records(1, for: topic)) }
        #expect(error?.code == .timedOut && error?.isRetriable == true)
        let isWaiting = Signal()
        async let sending: Void = {
            try await producer.send(records(1, for: topic)) { isWaiting.fire() }
            isWaiting.fire()
        }()
        await isWaiting.wait()
        #expect(try await read(upTo: 1) == [0, 1])
        try await sending
        for producer in [other, producer, impatient] { await producer.close() }
    }

    @Test func `a stop ends a wait, and the records are the caller's again`() async throws {
        let (producer, shutdown) = (try producer(), GracefulShutdown())
        let error = await #expect(throws: MessageBusError.self) {
            try await GracefulShutdown.$current.withValue(shutdown) {
                try await producer.send(records(8, for: topic)) { shutdown.trigger() }
            }
        }
        #expect(error?.code == .unavailable && error?.isRetriable == true)
        await producer.close()
    }

    @Test func `a topic that no consumer group must read in full has no limit`() async throws {
        let producer = try producer()
        try await producer.send(records(8, for: Topic.results)) { Issue.record("it waited") }
        await producer.close()
    }
}
