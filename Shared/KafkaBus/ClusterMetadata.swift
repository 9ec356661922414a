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

    /// Blocks until the cluster has the topic, for two seconds at most. Asking for a topic by name makes it where the broker
    /// creates topics by itself, as the embedded one does.
    static func has(_ topic: String, _ client: OpaquePointer) throws(MessageBusError) -> Bool {
        guard let handle = rd_kafka_topic_new(client, topic, nil) else {
            throw MessageBusError(rd_kafka_last_error(), while: "open topic \(topic)")
        }
        defer { rd_kafka_topic_destroy(handle) }
        for _ in 0..<2 {
            var pointer: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(client, 0, handle, &pointer, 2_000)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let pointer else {
                throw MessageBusError(code, while: "read metadata")
            }
            defer { rd_kafka_metadata_destroy(pointer) }
            if pointer.pointee.topic_cnt > 0, pointer.pointee.topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR {
                return true
            }
        }
        return false
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
