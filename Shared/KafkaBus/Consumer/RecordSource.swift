import CRDKafka
import Contracts
import Glibc
import MessageBus
import Telemetry

/// Groups fetched records into batches.
///
/// `@unchecked Sendable`: only the owner's thread uses it.
final class RecordSource: @unchecked Sendable {
    struct Bounds: Sendable {
        var records: Int
        /// A batch is complete once its keys and values reach this size. - Units: bytes.
        var bytes = 4 << 20
        var accumulation: Duration = .zero
    }

    /// The duration of an idle poll. `wake` ends it immediately.
    static let idlePoll = Duration.seconds(1)

    private let handle: KafkaHandle
    private let assignment: Assignment?
    /// Records that were polled while no batch was requested. They come first in the next batch. Dropping them would
    /// lose them, since librdkafka continues after the records that it has returned.
    private var stash: [Record] = []
    /// The last assignment change that was applied here.
    private var seenChange = 0
    private var gaps: OffsetGaps
    private var topicNames: [(bytes: [CChar], name: String)] = []

    /// - Parameter group: a label of metrics.
    init(_ handle: KafkaHandle, group: String, metrics: Metrics) {
        self.handle = handle
        assignment = handle.events.assignment
        gaps = OffsetGaps(group: group, metrics: metrics, logger: handle.events.logger)
    }

    /// Waits up to `wait` for a first record, then takes all available records.
    /// - Returns: an empty batch if no record arrived or `wake` ended the wait.
    func batch(_ bounds: Bounds, wait: Duration = idlePoll) throws(MessageBusError) -> [Record] {
        var batch = stash
        stash = []
        if batch.isEmpty { try add(to: &batch, waiting: wait) }
        guard !batch.isEmpty else { return [] }
        var bytes = batch.reduce(0) { $0 + $1.size }
        let deadline = bounds.accumulation > .zero ? ContinuousClock.now + bounds.accumulation : nil
        while batch.count < bounds.records, bytes < bounds.bytes {
            let left = deadline.map { ContinuousClock.now.duration(to: $0) } ?? .zero
            guard let size = try add(to: &batch, waiting: max(left, .zero)) else { break }
            bytes += size
        }
        return batch
    }

    /// Polls once, which keeps the group membership. Records that arrive are kept for the next batch.
    func serve() throws(MessageBusError) { try add(to: &stash, waiting: Self.idlePoll) }

    /// Polls the client and drops all records. The next owner of the partitions receives them again.
    func drop(wait: Duration) throws(MessageBusError) {
        stash = []
        _ = try poll(wait)
    }

    /// Polls once. A rebalance happens during a poll. Records of revoked partitions are dropped, since another member
    /// processes them or they are delivered again.
    /// - Returns: the size of the added record; `nil` if none arrived.
    @discardableResult
    private func add(to batch: inout [Record], waiting wait: Duration) throws(MessageBusError) -> Int? {
        let record = try poll(wait)
        if let assignment, assignment.changes != seenChange {
            let change = seenChange
            batch.removeAll { !assignment.holds($0.topicPartition, since: change) }
            gaps.keep { assignment.holds($0, since: change) }
            seenChange = assignment.changes
        }
        guard let record else { return nil }
        if let assignment, assignment.isRevoking, !assignment.holds(record.topicPartition, since: seenChange) {
            // It was on its way when its partition was revoked. The next owner receives it.
            return nil
        }
        handle.withPointer { gaps.note(record, $0, isMember: assignment != nil) }
        batch.append(record)
        return record.size
    }

    /// - Returns: `nil` if no record arrived in time. Transient errors are reported to the events and otherwise
    ///   ignored.
    private func poll(_ wait: Duration) throws(MessageBusError) -> Record? {
        let (seconds, attoseconds) = wait.components
        let milliseconds = Int32(clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        let message = handle.withPointer { rd_kafka_consumer_poll($0, milliseconds) }
        if let fatal = handle.events.fatal { throw fatal }
        guard let message else { return nil }
        defer { rd_kafka_message_destroy(message) }
        switch message.pointee.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR: return record(message)
        case RD_KAFKA_RESP_ERR__PARTITION_EOF: return nil
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            throw MessageBusError(message.pointee.err, while: "consume")
        case let code:
            let reason = rd_kafka_message_errstr(message).map { String(cString: $0) } ?? ""
            handle.events.note(code, reason)
            return nil
        }
    }

    /// A compressed batch may expand to a thousand times its size. A record that exceeds the size limit is not copied
    /// from librdkafka's buffer.
    private func record(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> Record {
        let fields = message.pointee
        let isWhole = fields.key_len + fields.len <= Limits.recordBytes
        let headers = headers(
            message, atMost: isWhole ? Limits.recordBytes - fields.key_len - fields.len : Limits.headerBytes)
        let isOversized = !isWhole || headers == nil
        return Record(
            topic: topicName(fields.rkt), partition: fields.partition, offset: fields.offset,
            timestamp: Timestamp(milliseconds: rd_kafka_message_timestamp(message, nil)),
            key: isOversized ? nil : bytes(fields.key, fields.key_len),
            value: isOversized ? nil : bytes(fields.payload, fields.len), headers: headers ?? [],
            isOversized: isOversized)
    }

    /// - Returns: `nil` if the headers exceed the limit.
    private func headers(_ message: UnsafeMutablePointer<rd_kafka_message_t>, atMost limit: Int) -> [Header]? {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
        let count = rd_kafka_header_cnt(list)
        var left = limit
        var headers: [Header] = []
        headers.reserveCapacity(count)
        for index in 0..<count {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name
            else { continue }
            left -= strlen(name) + size
            guard left >= 0 else { return nil }
            headers.append(Header(String(cString: name), bytes(value, size)))
        }
        return headers
    }

    private func bytes(_ pointer: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
        pointer.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
    }

    /// Caches one string per topic, since creating one for every record costs more than comparing the bytes.
    private func topicName(_ topic: OpaquePointer?) -> String {
        guard let topic, let bytes = rd_kafka_topic_name(topic) else { return "" }
        for known in topicNames where strcmp(known.bytes, bytes) == 0 { return known.name }
        let name = String(cString: bytes)
        topicNames.append((Array(name.utf8CString), name))
        return name
    }
}

extension Record {
    fileprivate var size: Int { (key?.count ?? 0) + (value?.count ?? 0) }
}

/// Detects and reports records that the broker deleted before this client read them.
///
/// Retention deletes records whether they were read or not; the embedded broker keeps 5 MiB per partition. librdkafka
/// continues with the first remaining record and reports nothing. Offsets are also missing after compaction and
/// transactions. Those gaps are not counted: only offsets before the beginning of the log are.
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
    /// Records of one partition mostly arrive together.
    private var last = 0

    init(group: String, metrics: Metrics, logger: Logger) {
        self.group = group
        self.metrics = metrics
        self.logger = logger
    }

    /// Must be called for each record in the order of arrival.
    /// - Parameter isMember: whether the client is in a group, so that it started at a committed offset.
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
        // The log begins with this record, so uncommitted records before it were deleted.
        guard isMember, record.offset > 0, Self.beginning(of: record, client) == record.offset,
            let committed = Self.committed(record, client)
        else { return }
        check(from: committed, to: record, client)
    }

    /// Drops the positions of partitions that are no longer assigned.
    mutating func keep(_ isHeld: (TopicPartition) -> Bool) {
        places.removeAll { !isHeld(TopicPartition(topic: $0.topic, partition: $0.partition)) }
        last = 0
    }

    private func check(from expected: Int64, to record: Record, _ client: OpaquePointer) {
        let count = min(record.offset, Self.beginning(of: record, client)) - expected
        guard count > 0 else { return }
        metrics.counter(
            "winnow_kafka_dropped_records_total", "Records that the broker deleted before they were read.",
            [("group_id", group), ("topic_name", Topic.sharedName(of: record.topic))]
        ).increment(by: Int(clamping: count))
        logger.error(
            "Broker dropped records before they were read",
            metadata: [
                LogKeys.destination: record.topic, LogKeys.partition: "\(record.partition)",
                LogKeys.offset: "\(expected)", LogKeys.count: "\(count)",
            ])
    }

    /// Uses the offset from the last fetch, without a request.
    private static func beginning(of record: Record, _ client: OpaquePointer) -> Int64 {
        var (low, high) = (Int64(0), Int64(0))
        let code = rd_kafka_get_watermark_offsets(client, record.topic, record.partition, &low, &high)
        return code == RD_KAFKA_RESP_ERR_NO_ERROR ? low : 0
    }

    /// Blocks for a round trip, but only after an assignment and if the log begins above offset 0.
    private static func committed(_ record: Record, _ client: OpaquePointer) -> Int64? {
        let list = PartitionList([TopicPartition(topic: record.topic, partition: record.partition)])
        guard rd_kafka_committed(client, list.pointer, 2_000) == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return list.entries.first.flatMap { $0.offset >= 0 ? $0.offset : nil }
    }
}
