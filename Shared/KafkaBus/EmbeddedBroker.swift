import CRDKafka
import Glibc
import MessageBus
import Telemetry

/// librdkafka's mock cluster on loopback. It implements Kafka's protocol and keeps all data in memory only.
///
/// For development and tests. It has no transactions, 5 MiB per partition and records up to 1 MB.
public final class EmbeddedBroker: @unchecked Sendable {
    // `@unchecked Sendable`: the mock cluster has its own lock and thread.
    private let host: KafkaHandle
    private let cluster: OpaquePointer

    /// `host:port`, comma-separated; the ports are random.
    public let bootstrapServers: String

    /// - Throws: `MessageBusError` if it cannot listen on a port or a topic is rejected.
    public init(catalog: TopicCatalog, brokers: Int = 1, logger: Logger) throws(MessageBusError) {
        // The mock cluster belongs to a client, which itself does not connect.
        host = try KafkaHandle(
            .producer, ["client.id": "embedded-broker", "log_level": "3"],
            events: ClientEvents(client: "embedded-broker", logger: logger, metrics: Metrics()))
        guard let cluster = host.withPointer({ rd_kafka_mock_cluster_new($0, Int32(brokers)) }),
            let servers = rd_kafka_mock_cluster_bootstraps(cluster)
        else {
            throw MessageBusError(.unavailable, "the embedded broker cannot listen on a port", isRetriable: false)
        }
        self.cluster = cluster
        bootstrapServers = String(cString: servers)
        let ports = bootstrapServers.split(separator: ",").compactMap { $0.split(separator: ":").last }
        ListenSockets.sendAtOnce(ports: Set(ports.compactMap { UInt16($0) }))
        for topic in catalog.entries { try create(topic) }
    }

    deinit { rd_kafka_mock_cluster_destroy(cluster) }

    /// The mock cluster has no admin API, so topics are created here.
    public func create(_ topic: TopicCatalog.Entry) throws(MessageBusError) {
        let code = rd_kafka_mock_topic_create(cluster, topic.name, Int32(topic.partitions), 1)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "create \(topic.name)") }
    }
}

/// The listening sockets of this process, found among its open file descriptors.
enum ListenSockets {
    /// Disables Nagle's algorithm for all connections that will be accepted on `ports`.
    ///
    /// librdkafka's mock cluster leaves it enabled. A producer with several requests in flight then waits 40 ms for the
    /// second response, until the client's delayed acknowledgement of the first one. On Linux, accepted sockets inherit
    /// the option from the listening socket.
    static func sendAtOnce(ports: Set<UInt16>) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for descriptor in 0..<Int32(clamping: min(limit.rlim_cur, 65_536)) {
            guard isListening(descriptor), let port = port(descriptor), ports.contains(port) else { continue }
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout.size(ofValue: on)))
        }
    }

    private static func isListening(_ descriptor: Int32) -> Bool {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout.size(ofValue: value))
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0
    }

    private static func port(_ descriptor: Int32) -> UInt16? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout.size(ofValue: address))
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return code == 0 && address.sin_family == sa_family_t(AF_INET) ? UInt16(bigEndian: address.sin_port) : nil
    }
}
