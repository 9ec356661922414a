import CRDKafka
import Lifecycle
import MessageBus
import Telemetry

/// Looks at a cluster and makes the topics that Winnow needs.
public final class KafkaAdmin: Sendable {
    private let settings: KafkaSettings
    private let handle: KafkaHandle
    private let thread = ThreadExecutor()
    private let logger: Logger

    /// - Throws: `MessageBusError.configuration`.
    public init(settings: KafkaSettings, logger: Logger) throws(MessageBusError) {
        self.settings = settings
        self.logger = logger
        handle = try KafkaHandle(
            .producer, Properties.common(settings, clientID: logger.service).merging(settings.overrides) { $1 },
            events: ClientEvents(client: "admin", logger: logger, metrics: Metrics()))
    }

    deinit { thread.stop() }

    /// Brokers, and topics with their partitions.
    /// - Throws: `MessageBusError`, retriable when the cluster does not answer within 10 s.
    public func metadata() async throws -> ClusterMetadata {
        try await thread.run { [handle] in try handle.withPointer { try ClusterMetadata.read($0) } }
    }

    /// Makes the catalog's topics that do not exist; what exists is left as it is. May be repeated.
    /// - Throws: `MessageBusError` when one could be neither found nor made.
    public func create(_ catalog: TopicCatalog) async throws -> [TopicReport] {
        let existing = try await metadata().topics
        let missing = catalog.entries.filter { existing[$0.name] == nil }
        let created =
            missing.isEmpty
            ? [] : try await thread.run { [handle] in try handle.withPointer { try createTopics($0, missing) } }
        try await see(missing)
        return catalog.entries.map { entry in
            let outcome: TopicReport.Outcome =
                switch existing[entry.name] {
                case .some(entry.partitions): .existing
                case .some(let count): .mismatched(partitions: count)
                case .none: created.contains(entry.name) ? .created : .existing
                }
            return TopicReport(name: entry.name, outcome: outcome)
        }
    }

    /// Waits until the cluster's metadata shows the topics: KRaft answers before every broker has them.
    private func see(_ entries: [TopicCatalog.Entry]) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !entries.isEmpty {
            let topics = try await metadata().topics
            guard entries.contains(where: { topics[$0.name, default: 0] == 0 }) else { return }
            guard ContinuousClock.now < deadline else {
                throw MessageBusError(.timedOut, "topics were created and are not visible", isRetriable: true)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// What a group has committed, and how much waits behind it.
    /// - Throws: `MessageBusError`.
    public func lag(group: String, topics: [String]) async throws -> [PartitionLag] {
        let counts = try await metadata().topics
        // Committed offsets are asked for by a client of that group's name, which does not join it.
        let member = try KafkaHandle(
            .consumer, Properties.reader(settings, clientID: logger.service, group: group),
            events: ClientEvents(client: "admin", logger: logger, metrics: Metrics()))
        let partitions = topics.flatMap { topic in
            (0..<Int32(counts[topic] ?? 0)).map { TopicPartition(topic: topic, partition: $0) }
        }
        guard !partitions.isEmpty else { return [] }
        return try await thread.run { try member.withPointer { try readLag($0, partitions) } }
    }
}

private func readLag(
    _ client: OpaquePointer, _ partitions: [TopicPartition]
) throws(MessageBusError) -> [PartitionLag] {
    let list = PartitionList(partitions)
    let code = rd_kafka_committed(client, list.pointer, 10_000)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "read committed offsets") }
    var lags: [PartitionLag] = []
    for entry in list.entries {
        var low: Int64 = 0
        var high: Int64 = 0
        let code = rd_kafka_query_watermark_offsets(
            client, entry.partition.topic, entry.partition.partition, &low, &high, 10_000)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "read end offsets") }
        lags.append(
            PartitionLag(
                partition: entry.partition, committed: entry.offset >= 0 ? entry.offset : nil, beginning: low, end: high
            ))
    }
    return lags
}

/// - Returns: the names of those that were made now; another client may have been quicker with the rest.
private func createTopics(
    _ client: OpaquePointer, _ entries: [TopicCatalog.Entry]
) throws(MessageBusError) -> Set<String> {
    var topics: [OpaquePointer?] = []
    defer { rd_kafka_NewTopic_destroy_array(&topics, topics.count) }
    for entry in entries {
        guard let topic = rd_kafka_NewTopic_new(entry.name, Int32(entry.partitions), Int32(entry.replication), nil, 0)
        else { throw MessageBusError(.configuration, "\(entry.name) is not possible", isRetriable: false) }
        topics.append(topic)
        for (name, value) in entry.configuration { rd_kafka_NewTopic_set_config(topic, name, value) }
    }
    guard let queue = rd_kafka_queue_new(client) else { return [] }
    defer { rd_kafka_queue_destroy(queue) }
    rd_kafka_CreateTopics(client, &topics, topics.count, nil, queue)
    guard let event = rd_kafka_queue_poll(queue, 65_000) else {
        throw MessageBusError(.timedOut, "create topics", isRetriable: true)
    }
    defer { rd_kafka_event_destroy(event) }
    let code = rd_kafka_event_error(event)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "create topics") }
    var count = 0
    let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
    var created: Set<String> = []
    for index in 0..<count {
        guard let result = results?[index], let bytes = rd_kafka_topic_result_name(result) else { continue }
        let name = String(cString: bytes)
        switch rd_kafka_topic_result_error(result) {
        case RD_KAFKA_RESP_ERR_NO_ERROR: created.insert(name)
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: continue
        case let code: throw MessageBusError(code, while: "create \(name)")
        }
    }
    return created
}
