import CRDKafka
import MessageBus
import Telemetry

/// librdkafka's own mock cluster on loopback: it speaks Kafka's protocol, keeps everything in memory, and forgets it.
///
/// For development and tests. No transactions, 5 MiB a partition, records up to 1 MB.
public final class EmbeddedBroker: @unchecked Sendable {
    // `@unchecked Sendable`: the mock cluster has a lock and a thread of its own.
    private let host: KafkaHandle
    private let cluster: OpaquePointer

    /// `host:port`, comma-separated; the ports are random.
    public let bootstrapServers: String

    /// - Throws: `MessageBusError`, when no port can be listened on or a topic is refused.
    public init(catalog: TopicCatalog, brokers: Int = 1, logger: Logger) throws(MessageBusError) {
        // The mock cluster hangs on a client, which itself stays unconnected.
        host = try KafkaHandle(
            .producer, ["client.id": "embedded-broker", "log_level": "3"],
            events: ClientEvents(client: "embedded-broker", logger: logger, metrics: Metrics()))
        guard let cluster = host.withPointer({ rd_kafka_mock_cluster_new($0, Int32(brokers)) }),
            let servers = rd_kafka_mock_cluster_bootstraps(cluster)
        else {
            throw MessageBusError(.unavailable, "the embedded broker cannot listen", isRetriable: false)
        }
        self.cluster = cluster
        bootstrapServers = String(cString: servers)
        let ports = bootstrapServers.split(separator: ",").compactMap { $0.split(separator: ":").last }
        ListenSockets.sendAtOnce(ports: Set(ports.compactMap { UInt16($0) }))
        for topic in catalog.entries { try create(topic) }
    }

    deinit { rd_kafka_mock_cluster_destroy(cluster) }

    /// The mock does not answer the admin API, so topics are made here.
    public func create(_ topic: TopicCatalog.Entry) throws(MessageBusError) {
        let code = rd_kafka_mock_topic_create(cluster, topic.name, Int32(topic.partitions), 1)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "create \(topic.name)") }
    }
}
