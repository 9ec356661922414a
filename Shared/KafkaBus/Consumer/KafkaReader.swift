import CRDKafka
import Contracts
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// Reads all partitions of some topics through one client.
public final class KafkaReader: PolledReader {
    public let backlog: [TopicPartition: Int64]
    private let handle: KafkaHandle
    private let source: RecordSource
    private let thread: ThreadExecutor
    private let isStopped = Atomic(false)

    /// Returns once the position in every partition is known, so that no record written afterwards is missed.
    /// - Parameter starts: the start position in each topic.
    /// - Throws: `MessageBusError`, with code `.unknownTopic` if a topic does not exist.
    public init(
        settings: KafkaSettings, starts: [String: ReadStart], logger: Logger, metrics: Metrics
    ) async throws {
        // librdkafka needs a group name to poll. A client that only assigns partitions never joins the group.
        let handle = try KafkaHandle(
            .consumer, Properties.reader(settings, clientID: logger.service, group: "winnow.reader"),
            events: ClientEvents(client: "reader", logger: logger, metrics: metrics))
        let thread = ThreadExecutor()
        self.handle = handle
        self.thread = thread
        source = RecordSource(handle, group: "winnow.reader", metrics: metrics)
        backlog = try await thread.run {
            let topics = try ClusterMetadata.read(handle).topics
            return try handle.withPointer { try assign($0, starts, topics) }
        }
    }

    /// Reads a single topic.
    public convenience init(
        settings: KafkaSettings, topic: String, from start: ReadStart, logger: Logger, metrics: Metrics
    ) async throws {
        try await self.init(settings: settings, starts: [topic: start], logger: logger, metrics: metrics)
    }

    deinit { thread.stop() }

    public func nextBatch() async throws -> [Record]? {
        while let batch = try await nextBatch(within: RecordSource.idlePoll) {
            if !batch.isEmpty { return batch }
        }
        return nil
    }

    public func nextBatch(within wait: Duration) async throws -> [Record]? {
        try await withTaskCancellationHandler {
            guard !isStopped.load(ordering: .acquiring) else { return nil }
            let batch = try await thread.run { [source] in try source.batch(.init(records: 500), wait: wait) }
            return batch.isEmpty && isStopped.load(ordering: .acquiring) ? nil : batch
        } onCancel: {
            stop()
        }
    }

    public func stop() {
        isStopped.store(true, ordering: .releasing)
        handle.wake()
    }
}

/// - Returns: the end offsets of the partitions that have records to read.
private func assign(
    _ client: OpaquePointer, _ starts: [String: ReadStart], _ topics: [String: Int]
) throws(MessageBusError) -> [TopicPartition: Int64] {
    var places: [(TopicPartition, offset: Int64)] = []
    var backlog: [TopicPartition: Int64] = [:]
    for (topic, start) in starts {
        guard let count = topics[topic], count > 0 else {
            throw MessageBusError(.unknownTopic, "\(topic) does not exist", isRetriable: true)
        }
        for number in 0..<Int32(count) {
            let partition = TopicPartition(topic: topic, partition: number)
            let (place, end) = try position(client, partition, start)
            places.append((partition, offset: place))
            if place < end { backlog[partition] = end }
        }
    }
    let list = PartitionList(places)
    let code = rd_kafka_assign(client, list.pointer)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
        throw MessageBusError(code, while: "assign \(starts.keys.sorted().joined(separator: ", "))")
    }
    return backlog
}

private func position(
    _ client: OpaquePointer, _ partition: TopicPartition, _ start: ReadStart
) throws(MessageBusError) -> (start: Int64, end: Int64) {
    var low: Int64 = 0
    var high: Int64 = 0
    let code = rd_kafka_query_watermark_offsets(client, partition.topic, partition.partition, &low, &high, 10_000)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
        throw MessageBusError(code, while: "find the end of \(partition.topic)")
    }
    return switch start {
    case .beginning: (low, high)
    case .end: (high, high)
    case .time(let time): (try offset(client, partition, time) ?? high, high)
    }
}

/// - Returns: `nil` if nothing was written since `time`.
private func offset(
    _ client: OpaquePointer, _ partition: TopicPartition, _ time: Timestamp
) throws(MessageBusError) -> Int64? {
    let list = PartitionList([(partition, offset: time.milliseconds)])
    let code = rd_kafka_offsets_for_times(client, list.pointer, 10_000)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
        throw MessageBusError(code, while: "find a time in \(partition.topic)")
    }
    return list.entries.first.flatMap { $0.offset >= 0 ? $0.offset : nil }
}

extension KafkaReader {
    /// Opens topics whose records may arrive half a second late: operators' commands, cancellations and certificates.
    public static func opening(
        settings: KafkaSettings, logger: Logger, metrics: Metrics
    ) -> @Sendable ([String: ReadStart]) async throws -> any MessageReader {
        { [settings = settings.lowPriority] starts in
            try await KafkaReader(settings: settings, starts: starts, logger: logger, metrics: metrics)
        }
    }
}

/// The producer's topic handles, created once, since naming the topic with every record requires a look-up each time.
///
/// `@unchecked Sendable`: a mutex guards the dictionary, and librdkafka's topic handles are thread-safe.
final class TopicHandles: @unchecked Sendable {
    private let handle: KafkaHandle
    private let topics = Mutex<[String: Pointer]>([:])

    private struct Pointer: @unchecked Sendable { let value: OpaquePointer }

    init(_ handle: KafkaHandle) { self.handle = handle }

    deinit {
        for topic in topics.withLock({ $0 }).values { rd_kafka_topic_destroy(topic.value) }
    }

    subscript(_ name: String) -> OpaquePointer? { topics.withLock { $0[name] }?.value }

    func open(_ name: String) throws(MessageBusError) {
        guard self[name] == nil else { return }
        guard let topic = handle.withPointer({ rd_kafka_topic_new($0, name, nil) }) else {
            throw MessageBusError(rd_kafka_last_error(), while: "open topic \(name)")
        }
        let pointer = Pointer(value: topic)
        let replaced = topics.withLock { $0.updateValue(pointer, forKey: name) }
        // librdkafka returned the same handle with an increased reference count.
        if let replaced { rd_kafka_topic_destroy(replaced.value) }
    }

    /// Requests one topic by name. The broker creates it if it auto-creates topics.
    func exists(_ name: String) throws(MessageBusError) -> Bool {
        try handle.withPointer { client throws(MessageBusError) in try ClusterMetadata.has(name, client) }
    }

    /// The topics that are visible to this client, with their partitions. Blocks for a round trip and creates no topic.
    func existing() throws(MessageBusError) -> [String: Int] { try ClusterMetadata.read(handle).topics }
}
