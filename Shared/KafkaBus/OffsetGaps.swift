import CRDKafka
import MessageBus
import Telemetry

/// Notices records that the broker dropped before this client read them, and says so.
///
/// Retention takes records whether they were read or not: the embedded broker keeps 5 MiB a partition. librdkafka goes on
/// with the first record that is left, and tells nobody. Gaps that compaction and transactions leave are none of these:
/// only what lies before the log's beginning was dropped.
struct OffsetGaps {
    private struct Place {
        let topic: String
        let partition: Int32
        var next: Int64

        func isOf(_ record: Record) -> Bool { partition == record.partition && topic == record.topic }
    }

    private let group: String
    private let metrics: Metrics
    private let logger: Logger
    private var places: [Place] = []
    /// Records of one partition mostly come one after another.
    private var last = 0

    init(group: String, metrics: Metrics, logger: Logger) {
        self.group = group
        self.metrics = metrics
        self.logger = logger
    }

    /// To be called with each record, in the order in which they come.
    /// - Parameter isMember: whether the client is in a group, so that its reading began at a committed offset.
    mutating func note(_ record: Record, _ client: OpaquePointer, isMember: Bool) {
        if places.indices.contains(last), places[last].next == record.offset, places[last].isOf(record) {
            places[last].next += 1
            return
        }
        if let index = places.firstIndex(where: { $0.isOf(record) }) {
            last = index
            let expected = places[index].next
            places[index].next = record.offset + 1
            if record.offset > expected { check(from: expected, to: record, client) }
            return
        }
        last = places.count
        places.append(Place(topic: record.topic, partition: record.partition, next: record.offset + 1))
        // The log begins with this record: what was not committed before it is gone.
        guard isMember, record.offset > 0, Self.beginning(of: record, client) == record.offset,
            let committed = Self.committed(record, client)
        else { return }
        check(from: committed, to: record, client)
    }

    /// Forgets the places of partitions that are not held any more.
    mutating func keep(_ isHeld: (TopicPartition) -> Bool) {
        places.removeAll { !isHeld(TopicPartition(topic: $0.topic, partition: $0.partition)) }
        last = 0
    }

    private func check(from expected: Int64, to record: Record, _ client: OpaquePointer) {
        let count = min(record.offset, Self.beginning(of: record, client)) - expected
        guard count > 0 else { return }
        metrics.counter(
            "winnow_kafka_dropped_records_total", "Records that the broker dropped before they were read.",
            [("group_id", group), ("topic_name", record.topic)]
        ).increment(by: Int(clamping: count))
        logger.error(
            "Broker dropped records before they were read",
            metadata: [
                LogKeys.destination: record.topic, LogKeys.partition: "\(record.partition)",
                LogKeys.offset: "\(expected)", LogKeys.count: "\(count)",
            ])
    }

    /// As the last fetch has it: no request is made.
    private static func beginning(of record: Record, _ client: OpaquePointer) -> Int64 {
        var (low, high) = (Int64(0), Int64(0))
        let code = rd_kafka_get_watermark_offsets(client, record.topic, record.partition, &low, &high)
        return code == RD_KAFKA_RESP_ERR_NO_ERROR ? low : 0
    }

    /// Blocks for a round trip, where a partition was assigned and its log begins above 0 only.
    private static func committed(_ record: Record, _ client: OpaquePointer) -> Int64? {
        let list = PartitionList([TopicPartition(topic: record.topic, partition: record.partition)])
        guard rd_kafka_committed(client, list.pointer, 2_000) == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return list.entries.first.flatMap { $0.offset >= 0 ? $0.offset : nil }
    }
}
