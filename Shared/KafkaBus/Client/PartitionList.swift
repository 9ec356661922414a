import CRDKafka
import MessageBus

/// Owns a librdkafka list of partitions and their offsets.
struct PartitionList: ~Copyable {
    struct Entry {
        let partition: TopicPartition
        let offset: Int64
        let error: rd_kafka_resp_err_t
    }

    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ partitions: some Collection<(TopicPartition, offset: Int64)>) {
        pointer = rd_kafka_topic_partition_list_new(Int32(partitions.count))
        for (partition, offset) in partitions {
            rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition).pointee.offset = offset
        }
    }

    init(_ partitions: some Collection<TopicPartition>) {
        self.init(partitions.map { ($0, offset: Int64(RD_KAFKA_OFFSET_INVALID)) })
    }

    deinit { rd_kafka_topic_partition_list_destroy(pointer) }

    var entries: [Entry] { Self.entries(pointer) }

    /// Commits and waits for the coordinator.
    /// - Returns: the error of the whole request or, if there is none, of the first partition that failed.
    func commit(_ client: OpaquePointer) -> rd_kafka_resp_err_t {
        let code = rd_kafka_commit(client, pointer, 0)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return code }
        return entries.first { $0.error != RD_KAFKA_RESP_ERR_NO_ERROR }?.error ?? code
    }

    static func entries(_ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> [Entry] {
        (0..<Int(list.pointee.cnt)).map { index in
            let element = list.pointee.elems[index]
            return Entry(
                partition: TopicPartition(topic: String(cString: element.topic), partition: element.partition),
                offset: element.offset, error: element.err)
        }
    }
}
