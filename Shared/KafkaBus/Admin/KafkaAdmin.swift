import CRDKafka
import Contracts
import Lifecycle
import MessageBus
import Telemetry

/// Reads cluster metadata and creates the topics that Winnow needs.
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

    func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await thread.run(body)
    }

    /// Creates a client that can read a group's committed offsets. It does not join the group.
    /// - Throws: `MessageBusError.configuration`.
    func member(of group: String) throws(MessageBusError) -> KafkaHandle {
        try KafkaHandle(
            .consumer, Properties.reader(settings, clientID: logger.service, group: group),
            events: ClientEvents(client: "admin", logger: logger, metrics: Metrics()))
    }

    /// Reads the brokers, and the topics with their partitions.
    /// - Throws: `MessageBusError`, retriable if the cluster does not answer within 10 s, with code `.authentication`
    ///   if it refuses the connection.
    public func metadata() async throws -> ClusterMetadata {
        try await thread.run { [handle] in try ClusterMetadata.read(handle) }
    }

    /// Whether the cluster is the embedded broker, which keeps 5 MiB per partition.
    /// - Throws: `MessageBusError`, retriable if the cluster does not answer.
    public func isEmbedded() async throws -> Bool { try await thread.run { [handle] in try handle.isEmbeddedBroker() } }

    /// Creates the topics of the catalog that do not exist. Existing topics are not changed. Safe to repeat.
    /// - Throws: `MessageBusError` if a topic neither exists nor can be created.
    public func create(_ catalog: TopicCatalog) async throws -> [TopicReport] {
        let existing = try await metadata().topics
        let missing = catalog.entries.filter { existing[$0.name] == nil }
        let created =
            missing.isEmpty
            ? [] : try await thread.run { [handle] in try handle.withPointer { try createTopics($0, missing) } }
        try await awaitLeaders(of: catalog)
        return catalog.entries.map { entry in
            let outcome: TopicReport.Outcome =
                switch existing[entry.name] {
                case .some(entry.partitions): .existing
                case .some(let count): count > entry.partitions ? .larger(count) : .smaller(count)
                case .none: created.contains(entry.name) ? .created : .existing
                }
            return TopicReport(name: entry.name, outcome: outcome)
        }
    }

    /// Requests topics by name. A broker that auto-creates topics, such as the embedded broker, then creates them.
    /// - Throws: `MessageBusError.unknownTopic` if a topic does not exist afterwards.
    public func touch(_ topics: [String]) async throws {
        try await thread.run { [handle] in
            for topic in topics {
                guard try handle.withPointer({ try ClusterMetadata.has(topic, $0) }) else {
                    throw MessageBusError(.unknownTopic, "\(topic) does not exist", isRetriable: true)
                }
            }
        }
    }

    /// Waits until every partition has a leader that answers. Metadata lists a new topic before its partitions have
    /// leaders. A client that uses the topic too early gets errors until it refreshes its metadata.
    private func awaitLeaders(of catalog: TopicCatalog) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let topics = try await metadata().topics
            let partitions = catalog.entries.flatMap { entry in
                (0..<Int32(topics[entry.name] ?? 0)).map { TopicPartition(topic: entry.name, partition: $0) }
            }
            let isVisible = catalog.entries.allSatisfy { topics[$0.name, default: 0] > 0 }
            if isVisible, try await thread.run({ [handle] in try handle.withPointer { try areLed($0, partitions) } }) {
                return
            }
            guard ContinuousClock.now < deadline else {
                throw MessageBusError(.timedOut, "the topics were created but have no leaders yet", isRetriable: true)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

/// Whether the leader of each partition returns its end offset. Sends one request per broker.
private func areLed(_ client: OpaquePointer, _ partitions: [TopicPartition]) throws(MessageBusError) -> Bool {
    let list = PartitionList(partitions.map { ($0, offset: Int64(RD_KAFKA_OFFSET_END)) })
    switch rd_kafka_offsets_for_times(client, list.pointer, 5_000) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return list.entries.allSatisfy { $0.error == RD_KAFKA_RESP_ERR_NO_ERROR }
    case let code:
        let error = MessageBusError(code, while: "find the leaders of topics")
        guard error.isRetriable else { throw error }
        return false
    }
}

/// - Returns: the names of the topics that this call created. Another client may have created the others in the
///   meantime.
private func createTopics(
    _ client: OpaquePointer, _ entries: [TopicCatalog.Entry]
) throws(MessageBusError) -> Set<String> {
    var topics: [OpaquePointer?] = []
    defer { rd_kafka_NewTopic_destroy_array(&topics, topics.count) }
    for entry in entries {
        guard let topic = rd_kafka_NewTopic_new(entry.name, Int32(entry.partitions), Int32(entry.replication), nil, 0)
        else { throw MessageBusError(.configuration, "topic \(entry.name) is not valid", isRetriable: false) }
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

extension KafkaAdmin {
    /// Reads a group's committed offsets, the number of waiting records and, if requested, their age.
    /// - Parameter withAge: whether to read the first waiting record of each partition for its timestamp.
    /// - Throws: `MessageBusError`.
    public func lag(group: String, topics: [String], withAge: Bool = false) async throws -> [PartitionLag] {
        let counts = try await metadata().topics
        // A client with the group's name can read its committed offsets without joining it.
        let handle = try member(of: group)
        let partitions = topics.flatMap { topic in
            (0..<Int32(counts[topic] ?? 0)).map { TopicPartition(topic: topic, partition: $0) }
        }
        guard !partitions.isEmpty else { return [] }
        return try await onThread {
            let lags = try readLag(handle, partitions)
            return withAge ? try handle.withPointer { try readAges($0, lags) } : lags
        }
    }
}

/// Blocks for one round trip, and for one more per partition.
func readLag(
    _ handle: KafkaHandle, _ partitions: [TopicPartition], timeout: Int32 = 10_000
) throws(MessageBusError) -> [PartitionLag] {
    try handle.withPointer { client throws(MessageBusError) in
        let list = PartitionList(partitions)
        let code = rd_kafka_committed(client, list.pointer, timeout)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "read committed offsets") }
        var lags: [PartitionLag] = []
        for entry in list.entries {
            var (low, high) = (Int64(0), Int64(0))
            let code = rd_kafka_query_watermark_offsets(
                client, entry.partition.topic, entry.partition.partition, &low, &high, timeout)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "read end offsets") }
            lags.append(
                PartitionLag(
                    partition: entry.partition, committed: entry.offset >= 0 ? entry.offset : nil, beginning: low,
                    end: high, oldest: nil))
        }
        return lags
    }
}

/// Reads the first waiting record of each partition. Does not join the group and commits nothing.
private func readAges(_ client: OpaquePointer, _ lags: [PartitionLag]) throws(MessageBusError) -> [PartitionLag] {
    var open = lags.filter { $0.count > 0 }.map { ($0.partition, offset: $0.next) }
    guard !open.isEmpty else { return lags }
    let list = PartitionList(open)
    let code = rd_kafka_assign(client, list.pointer)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "read waiting records") }
    defer { rd_kafka_assign(client, nil) }
    var ages: [TopicPartition: Timestamp] = [:]
    let deadline = ContinuousClock.now + .seconds(5)
    while !open.isEmpty, ContinuousClock.now < deadline {
        guard let message = rd_kafka_consumer_poll(client, 500) else { continue }
        defer { rd_kafka_message_destroy(message) }
        guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR, let topic = rd_kafka_topic_name(message.pointee.rkt)
        else { continue }
        let place = TopicPartition(topic: String(cString: topic), partition: message.pointee.partition)
        guard open.contains(where: { $0.0 == place }) else { continue }
        ages[place] = Timestamp(milliseconds: rd_kafka_message_timestamp(message, nil))
        open.removeAll { $0.0 == place }
    }
    return lags.map { lag in
        PartitionLag(
            partition: lag.partition, committed: lag.committed, beginning: lag.beginning, end: lag.end,
            oldest: ages[lag.partition])
    }
}

/// The result of checking one topic of the catalog.
public struct TopicReport: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        case created, existing
        /// It has more partitions than required, because an operator has added some. Keys have moved to other
        /// partitions. This is safe, since redelivery depends on the stored state.
        case larger(Int)
        /// It has fewer partitions than required, so fewer workers can share it. Partitions are not added
        /// automatically, since that would move keys.
        case smaller(Int)
    }

    public let name: String
    public let outcome: Outcome

    public init(name: String, outcome: Outcome) {
        self.name = name
        self.outcome = outcome
    }
}
