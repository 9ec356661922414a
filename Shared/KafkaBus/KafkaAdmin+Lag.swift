import CRDKafka
import Contracts
import MessageBus
import Telemetry

extension KafkaAdmin {
    /// What a group has committed, how much waits behind it, and for how long.
    /// - Parameter withAge: whether the first waiting record of each partition is read for its timestamp.
    /// - Throws: `MessageBusError`.
    public func lag(group: String, topics: [String], withAge: Bool = false) async throws -> [PartitionLag] {
        let counts = try await metadata().topics
        // A client of the group's name may ask for its committed offsets without joining it.
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

/// Blocks for a round trip, and one more a partition.
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

/// Reads the first record that waits in each partition. It takes no part in the group and commits nothing.
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
