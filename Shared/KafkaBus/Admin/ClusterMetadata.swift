import CRDKafka
import Contracts
import JSON
import MessageBus
import Settings
import Synchronization
import Telemetry

/// The number of brokers and the topics of a cluster.
public struct ClusterMetadata: Sendable, Equatable {
    public let brokers: Int
    /// The number of partitions of each topic.
    public let topics: [String: Int]

    public init(brokers: Int, topics: [String: Int]) {
        self.brokers = brokers
        self.topics = topics
    }

    /// Returns whether the cluster has the topic. Blocks for at most two seconds. A request for a topic by name creates
    /// the topic if the broker auto-creates topics, as the embedded broker does.
    static func has(_ topic: String, _ client: OpaquePointer) throws(MessageBusError) -> Bool {
        guard let handle = rd_kafka_topic_new(client, topic, nil) else {
            throw MessageBusError(rd_kafka_last_error(), while: "open topic \(topic)")
        }
        defer { rd_kafka_topic_destroy(handle) }
        for _ in 0..<2 {
            var pointer: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(client, 0, handle, &pointer, 2_000)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let pointer else {
                throw MessageBusError(code, while: "read metadata")
            }
            defer { rd_kafka_metadata_destroy(pointer) }
            if pointer.pointee.topic_cnt > 0, pointer.pointee.topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR {
                return true
            }
        }
        return false
    }

    /// Blocks for a round trip. Must be called before partitions are assigned to a reader. Requests all topics, since a
    /// request for a single topic may create it.
    /// - Throws: `MessageBusError`, with code `.authentication` if the brokers refuse the connection.
    static func read(_ handle: KafkaHandle, timeout: Int32 = 10_000) throws(MessageBusError) -> ClusterMetadata {
        var pointer: UnsafePointer<rd_kafka_metadata>?
        let code = handle.withPointer { rd_kafka_metadata($0, 1, nil, &pointer, timeout) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let pointer else {
            handle.serveErrors()
            throw handle.events.connectionRefusal ?? MessageBusError(code, while: "read metadata")
        }
        defer { rd_kafka_metadata_destroy(pointer) }
        let metadata = pointer.pointee
        var topics: [String: Int] = [:]
        for index in 0..<Int(metadata.topic_cnt) {
            let topic = metadata.topics[index]
            guard topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
            topics[String(cString: topic.topic)] = Int(topic.partition_cnt)
        }
        return ClusterMetadata(brokers: Int(metadata.broker_cnt), topics: topics)
    }
}

/// The topics that Winnow needs, as defined in `infra/kafka/topics.json`.
public struct TopicCatalog: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public let name: String
        public let partitions: Int
        /// - Default: -1, the cluster's default.
        public let replication: Int
        /// Kafka's topic configuration, such as `retention.ms`.
        public let configuration: [String: String]
        public let why: String

        public init(
            name: String, partitions: Int, replication: Int = -1, configuration: [String: String] = [:],
            why: String = ""
        ) {
            self.name = name
            self.partitions = partitions
            self.replication = replication
            self.configuration = configuration
            self.why = why
        }
    }

    public let entries: [Entry]

    public init(entries: [Entry]) { self.entries = entries }

    /// - Throws: `MessageBusError.configuration`.
    public init(contentsOf path: String) throws(MessageBusError) {
        guard let json = try? SmallFile.read(path) else {
            throw MessageBusError(.configuration, "the topics file \(path) cannot be read", isRetriable: false)
        }
        try self.init(json: json)
    }

    /// - Throws: `MessageBusError.configuration`.
    public init(json: [UInt8]) throws(MessageBusError) {
        do {
            entries = try JSONDocument.read(json) { try $0["topics"]?.map(Self.entry) } ?? []
        } catch {
            throw MessageBusError(.configuration, "topics file: \(error)", isRetriable: false)
        }
        guard !entries.isEmpty else {
            throw MessageBusError(.configuration, "topics file: has no topics", isRetriable: false)
        }
        guard Set(entries.map(\.name)).count == entries.count else {
            throw MessageBusError(.configuration, "topics file: has a duplicate topic", isRetriable: false)
        }
    }

    private static func entry(_ value: JSONValue) throws -> Entry {
        guard let name = value["name"]?.string, isValid(name) else {
            throw JSONError("a topic's name must consist of at most 249 letters, digits, '.' and '-'")
        }
        guard let partitions = value["partitions"]?.integer, (1...1000).contains(partitions) else {
            throw JSONError("\(name): partitions must be from 1 to 1000")
        }
        var configuration: [String: String] = [:]
        value["config"]?.forEachMember { configuration[$0] = $1.string }
        return Entry(
            name: name, partitions: partitions, replication: value["replication"]?.integer ?? -1,
            configuration: configuration, why: value["why"]?.string ?? "")
    }

    /// `_` is not allowed: Kafka replaces `.` by `_` in metric names, so two topics could get the same metric name.
    private static func isValid(_ name: String) -> Bool {
        (1...249).contains(name.utf8.count)
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") }
    }
}

/// Reads the backlog of a consumer group: the oldest record after each of its committed offsets.
public final class KafkaBacklog: BacklogReader {
    private let settings: KafkaSettings
    /// Created on first use, since most processes do not need it.
    private let admin = Mutex<KafkaAdmin?>(nil)
    private let logger: Logger

    public init(settings: KafkaSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    public func oldestWaiting(in topic: String, of group: String) async throws -> Backlog {
        let admin = try admin.withLock { known in
            let admin = try known ?? KafkaAdmin(settings: settings, logger: logger)
            known = admin
            return admin
        }
        let lags = try await admin.lag(group: group, topics: [topic], withAge: true)
        var oldest = [Timestamp?](repeating: nil, count: lags.count)
        for lag in lags where oldest.indices.contains(Int(lag.partition.partition)) {
            oldest[Int(lag.partition.partition)] = lag.oldest
        }
        return Backlog(oldest: oldest)
    }
}
