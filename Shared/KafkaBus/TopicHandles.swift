import CRDKafka
import MessageBus
import Synchronization

/// The producer's topic handles, made once: naming the topic with every record costs a search each.
///
/// `@unchecked Sendable`: the dictionary is behind a mutex, and librdkafka's topic handles are thread-safe.
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
        // The same handle, counted twice.
        if let replaced { rd_kafka_topic_destroy(replaced.value) }
    }

    /// Asks for one topic by name, which makes it where the broker does so.
    func exists(_ name: String) throws(MessageBusError) -> Bool {
        try handle.withPointer { client throws(MessageBusError) in try ClusterMetadata.has(name, client) }
    }

    /// The topics that this client may see, and their partitions. Blocks for a round trip; it creates none.
    func existing() throws(MessageBusError) -> [String: Int] { try ClusterMetadata.read(handle).topics }
}
