import CRDKafka
import MessageBus

/// A cluster's brokers and topics.
public struct ClusterMetadata: Sendable, Equatable {
    public let brokers: Int
    /// Partitions of each topic.
    public let topics: [String: Int]

    public init(brokers: Int, topics: [String: Int]) {
        self.brokers = brokers
        self.topics = topics
    }

    /// Blocks for a round trip. Called before partitions are assigned to a reader. Asks for all topics, because asking for one may create it.
    /// - Throws: `MessageBusError`, `.authentication` when the brokers refuse the connection.
    static func read(_ handle: KafkaHandle, timeout: Int32 = 10_000) throws(MessageBusError) -> ClusterMetadata {
        var pointer: UnsafePointer<rd_kafka_metadata>?
        let code = handle.withPointer { rd_kafka_metadata($0, 1, nil, &pointer, timeout) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let pointer else {
            handle.serveErrors()
            throw handle.events.connectionRefusal ?? MessageBusError(code, while: "read metadata")
        }
        defer { rd_kafka_metadata_destroy(pointer) }
        let metadata = pointer.pointee
        var topics: [String: Int] = [:]
        for index in 0..<Int(metadata.topic_cnt) {
            let topic = metadata.topics[index]
            guard topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
            topics[String(cString: topic.topic)] = Int(topic.partition_cnt)
        }
        return ClusterMetadata(brokers: Int(metadata.broker_cnt), topics: topics)
    }
}
