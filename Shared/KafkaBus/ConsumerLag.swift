import JSON
import MessageBus
import Telemetry

/// Records that wait in a group's partitions, from librdkafka's own statistics: no request is made for it.
/// - Source: librdkafka, STATISTICS.md; kminion's metric and label names
final class ConsumerLag: Sendable {
    private let group: String
    private let metrics: Metrics

    init(group: String, metrics: Metrics) {
        self.group = group
        self.metrics = metrics
    }

    func set(_ count: Int, _ partition: TopicPartition) {
        metrics.gauge(
            "winnow_kafka_consumer_group_topic_partition_lag", "Records between the committed offset and the end.",
            [
                ("group_id", group), ("topic_name", partition.topic), ("partition_id", "\(partition.partition)"),
            ]
        ).set(count)
    }

    func update(_ statistics: UnsafeBufferPointer<UInt8>, assigned: Set<TopicPartition>) {
        // Statistics that cannot be read leave the last figures standing.
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

    /// - Returns: `nil` while the end is not known.
    private static func lag(_ partition: JSONValue) -> Int? {
        if let lag = partition["consumer_lag"]?.integer, lag >= 0 { return lag }
        guard let end = partition["hi_offset"]?.integer, end >= 0 else { return nil }
        // Nothing was committed yet, so everything waits.
        return max(0, end - max(partition["lo_offset"]?.integer ?? 0, 0))
    }
}
