import Contracts
import Foundation
import KafkaBus
import MessageBus
import MessageBusTesting
import Telemetry
import Testing

/// The adapters that must behave the same.
enum BusUnderTest: String, CaseIterable, CustomTestStringConvertible {
    case memory, kafka

    var testDescription: String { rawValue }

    /// Another topic on the bus of a rig.
    func makeRig(like rig: Rig, partitions: Int) async throws -> Rig {
        guard let bus = rig.bus else { return try await makeRig(partitions: partitions) }
        var other = rig
        other.topic += ".other"
        bus.createTopic(other.topic, partitions: partitions)
        return other
    }

    func makeRig(partitions: Int = 6) async throws -> Rig {
        let topic = "winnow.test-\(UUID().uuidString.lowercased()).v1"
        let group = "\(topic).group"
        switch self {
        case .memory:
            let bus = InMemoryBus(topics: [topic: partitions])
            return Rig(topic: topic, group: group, producer: bus.producer(), backlog: bus, bus: bus) {
                topics, group, maxBatch in
                bus.consumer(group: group, topics: topics, maxBatch: maxBatch)
            }
        case .kafka:
            let settings = try await Cluster.shared.settings(withTopic: topic, partitions: partitions)
            let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
            let backlog = KafkaBacklog(settings: settings, logger: Cluster.logger)
            return Rig(topic: topic, group: group, producer: producer, backlog: backlog) { topics, group, maxBatch in
                try KafkaConsumer(
                    settings: settings, group: group, topics: topics, maxBatch: maxBatch, logger: Cluster.logger,
                    metrics: Metrics())
            }
        }
    }
}

/// A separate topic and group, with their producers and consumers.
struct Rig: Sendable {
    var topic: String
    let group: String
    let producer: any MessageProducer
    let backlog: any BacklogReader
    /// The bus, or `nil` if it is not in memory.
    let bus: InMemoryBus?
    private let join: @Sendable ([String], String, Int) throws -> any MessageConsumer

    init(
        topic: String, group: String, producer: any MessageProducer, backlog: any BacklogReader,
        bus: InMemoryBus? = nil,
        join: @escaping @Sendable ([String], String, Int) throws -> any MessageConsumer
    ) {
        self.topic = topic
        self.group = group
        self.producer = producer
        self.backlog = backlog
        self.bus = bus
        self.join = join
    }

    func consumer(maxBatch: Int = 500) throws -> any MessageConsumer { try join([topic], group, maxBatch) }

    func record(_ key: String?, _ value: String) -> OutgoingRecord {
        OutgoingRecord(topic: topic, key: key.map { Array($0.utf8) }, value: Array(value.utf8))
    }

    func send(_ count: Int, key: (Int) -> String = { "key-\($0)" }) async throws {
        try await producer.send((0..<count).map { record(key($0), "\($0)") })
    }
}

extension MessageConsumer {
    /// Reads batches until they contain `count` records.
    func take(_ count: Int) async throws -> [Record] {
        var records: [Record] = []
        while records.count < count, let batch = try await nextBatch() { records += batch }
        return records
    }
}

extension Record {
    var text: String? { value.map { String(decoding: $0, as: UTF8.self) } }
    var number: Int? { text.flatMap { Int($0) } }
}
