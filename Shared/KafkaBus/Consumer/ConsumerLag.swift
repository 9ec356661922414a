import CRDKafka
import Contracts
import JSON
import MessageBus
import Synchronization
import Telemetry

/// The lag of a group's partitions, taken from librdkafka's statistics without an additional request.
/// - Source: librdkafka, STATISTICS.md; kminion's metric and label names
final class ConsumerLag: Sendable {
    private let group: String
    private let metrics: Metrics
    private let state = Mutex(State())

    private struct State {
        var counts: [TopicPartition: Int] = [:]
        /// The sums of the series. A tenant's own topic belongs to the series of the shared topic.
        var sums: [TopicPartition: Int] = [:]
    }

    init(group: String, metrics: Metrics) {
        self.group = group
        self.metrics = metrics
    }

    func set(_ count: Int, _ partition: TopicPartition) {
        let topic = Topic.sharedName(of: partition.topic)
        let series = TopicPartition(topic: topic, partition: partition.partition)
        let gauge = metrics.gauge(
            "winnow_kafka_consumer_group_topic_partition_lag", "Records between the committed offset and the end.",
            [("group_id", group), ("topic_name", topic), ("partition_id", "\(partition.partition)")])
        state.withLock { state in
            let before = state.counts.updateValue(count, forKey: partition) ?? 0
            state.sums[series, default: 0] += count - before
            gauge.set(state.sums[series, default: 0])
        }
    }

    func update(_ statistics: UnsafeBufferPointer<UInt8>, assigned: Set<TopicPartition>) {
        // If the statistics cannot be read, the previous values remain.
        try? JSONDocument.read(statistics) { root in
            root["topics"]?.forEachMember { topic, value in
                value["partitions"]?.forEachMember { number, partition in
                    guard let number = Int32(number), let count = Self.lag(partition) else { return }
                    let key = TopicPartition(topic: topic, partition: number)
                    if assigned.contains(key) { set(count, key) }
                }
            }
        }
    }

    /// - Returns: `nil` while the end offset is unknown.
    private static func lag(_ partition: JSONValue) -> Int? {
        if let lag = partition["consumer_lag"]?.integer, lag >= 0 { return lag }
        guard let end = partition["hi_offset"]?.integer, end >= 0 else { return nil }
        // Nothing was committed yet, so all records are waiting.
        return max(0, end - max(partition["lo_offset"]?.integer ?? 0, 0))
    }
}

extension [Record] {
    /// The offset after the last record of each partition.
    var offsetsToCommit: [(TopicPartition, offset: Int64)] {
        var offsets: [(TopicPartition, offset: Int64)] = []
        // Records of one partition are mostly adjacent, and there are few partitions.
        var last = 0
        for record in self {
            if !offsets.indices.contains(last) || !record.isIn(offsets[last].0) {
                last = offsets.firstIndex { record.isIn($0.0) } ?? offsets.count
                if last == offsets.count {
                    offsets.append((TopicPartition(topic: record.topic, partition: record.partition), 0))
                }
            }
            offsets[last].offset = Swift.max(offsets[last].offset, record.offset + 1)
        }
        return offsets
    }
}

extension Record {
    fileprivate func isIn(_ other: TopicPartition) -> Bool { partition == other.partition && topic == other.topic }
}

/// Counts batches and records by topic.
final class ConsumedRecords: Sendable {
    private let group: String
    private let metrics: Metrics
    private let batches: Counter
    private let topics = Mutex<[String: Counter]>([:])

    init(group: String, metrics: Metrics) {
        self.group = group
        self.metrics = metrics
        batches = metrics.counter(
            "winnow_kafka_consumed_batches_total", "Batches that the consumer returned.", [("group_id", group)])
    }

    func count(_ batch: [Record]) {
        batches.increment()
        topics.withLock { topics in
            for record in batch {
                if topics[record.topic] == nil {
                    topics[record.topic] = metrics.counter(
                        "winnow_kafka_consumed_records_total", "Records that the consumer returned.",
                        [("group_id", group), ("topic_name", Topic.sharedName(of: record.topic))])
                }
                topics[record.topic]?.increment()
            }
        }
    }
}

/// The read position of a group in a partition.
public struct PartitionLag: Sendable, Equatable {
    public let partition: TopicPartition
    /// `nil` if the group has never committed an offset of this partition.
    public let committed: Int64?
    public let beginning: Int64
    public let end: Int64
    /// The time of the first waiting record; `nil` if there is none or it was not requested.
    public let oldest: Timestamp?

    public init(partition: TopicPartition, committed: Int64?, beginning: Int64, end: Int64, oldest: Timestamp?) {
        self.partition = partition
        self.committed = committed
        self.beginning = beginning
        self.end = end
        self.oldest = oldest
    }

    /// The offset from which the group continues.
    public var next: Int64 { max(committed ?? 0, beginning) }

    /// The number of waiting records, without those that retention deleted before they were read.
    public var count: Int64 { max(0, end - next) }

    /// The number of records that retention deleted before the group read them.
    public var dropped: Int64 { committed.map { max(0, beginning - $0) } ?? 0 }
}

/// Whether records wait in these partitions that this client has not returned. Records in flight were returned, although
/// they are not committed.
/// - Returns: `nil` if the broker does not answer.
func hasUnread(_ handle: KafkaHandle, _ partitions: [TopicPartition]) -> Bool? {
    guard let lags = try? readLag(handle, partitions, timeout: 2_000) else { return nil }
    let list = PartitionList(partitions)
    // A partition of which nothing was returned has a negative position.
    _ = handle.withPointer { rd_kafka_position($0, list.pointer) }
    let positions = Dictionary(list.entries.map { ($0.partition, $0.offset) }) { first, _ in first }
    return lags.contains { $0.end > max($0.next, positions[$0.partition] ?? 0) }
}
