import MessageBus
import Synchronization
import Telemetry

extension [Record] {
    /// The offset after the last record of every partition.
    var offsetsToCommit: [(TopicPartition, offset: Int64)] {
        var offsets: [(TopicPartition, offset: Int64)] = []
        // Records of one partition mostly stand together, and partitions are few.
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
            "winnow_kafka_consumed_batches_total", "Batches that were handed out.", [("group_id", group)])
    }

    func count(_ batch: [Record]) {
        batches.increment()
        topics.withLock { topics in
            for record in batch {
                if topics[record.topic] == nil {
                    topics[record.topic] = metrics.counter(
                        "winnow_kafka_consumed_records_total", "Records that were handed out.",
                        [("group_id", group), ("topic_name", record.topic)])
                }
                topics[record.topic]?.increment()
            }
        }
    }
}
