import CRDKafka
import Settings

/// The connection to the cluster, and librdkafka properties that override those of `Properties`.
public struct KafkaSettings: Sendable {
    /// Comma-separated `host:port`.
    /// - Default: none (required). Key: `KAFKA_BOOTSTRAP_SERVERS`.
    public let bootstrapServers: String

    /// Makes a restarted instance the same member of its group, so that a restart causes no rebalance.
    /// - Default: none; each start is a new member. Key: `KAFKA_GROUP_INSTANCE_ID`.
    public let groupInstanceID: String?

    /// How long a batch waits for more records after its first one. With 0, a batch takes the records that are
    /// available. While a batch is processed the next one accumulates, so batches grow with the load.
    /// - Default: 0. Units: milliseconds. Key: `KAFKA_ACCUMULATION_MS`.
    public let accumulation: Duration

    /// librdkafka properties. Key: `KAFKA_CONF_<NAME>`, in upper case with `_` for `.`: `KAFKA_CONF_SASL_PASSWORD` sets
    /// `sasl.password`, `KAFKA_CONF_SSL_CA_LOCATION` sets `ssl.ca.location`.
    public let overrides: [String: String]

    public init(
        bootstrapServers: String, groupInstanceID: String? = nil, accumulation: Duration = .zero,
        overrides: [String: String] = [:]
    ) {
        self.bootstrapServers = bootstrapServers
        self.groupInstanceID = groupInstanceID
        self.accumulation = accumulation
        self.overrides = overrides
    }

    /// Settings for records that may arrive half a second later. An idle client fetches twice a second instead of
    /// eighty times, sends a heartbeat every two seconds and prefetches little.
    public var lowPriority: KafkaSettings {
        KafkaSettings(
            bootstrapServers: bootstrapServers, groupInstanceID: groupInstanceID, accumulation: accumulation,
            overrides: [
                "fetch.wait.max.ms": "500", "queued.max.messages.kbytes": "256", "fetch.message.max.bytes": "65536",
                "heartbeat.interval.ms": "2000",
            ].merging(overrides) { $1 })
    }

    /// - Throws: `SettingsError`, also for a property that librdkafka does not accept and for a property on which
    ///   delivery guarantees depend.
    public init(from reader: inout SettingsReader) throws(SettingsError) {
        let bootstrapServers = try reader.required("KAFKA_BOOTSTRAP_SERVERS")
        let groupInstanceID = reader.optional("KAFKA_GROUP_INSTANCE_ID")
        let accumulation = try reader.integer("KAFKA_ACCUMULATION_MS", default: 0, in: 0...1000)
        var overrides: [String: String] = [:]
        for (name, value) in reader.group("KAFKA_CONF_").sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            let property = name.lowercased().split(separator: "_").joined(separator: ".")
            guard !Properties.reserved.contains(property) else {
                throw SettingsError("KAFKA_CONF_\(name)", "cannot be set: Winnow's delivery guarantees depend on it")
            }
            guard Properties.accepts(property, value) else {
                throw SettingsError("KAFKA_CONF_\(name)", "librdkafka does not support \(property) or its value")
            }
            overrides[property] = value
        }
        self.init(
            bootstrapServers: bootstrapServers, groupInstanceID: groupInstanceID,
            accumulation: .milliseconds(accumulation), overrides: overrides)
    }
}

/// The default properties of every client, which `KAFKA_CONF_*` may override.
/// - Source: measured with the embedded broker; suitable for Apache Kafka too.
enum Properties {
    /// The properties on which at-least-once delivery depends.
    static let reserved: Set<String> = [
        "bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store", "enable.idempotence", "acks",
        "transactional.id",
    ]

    static func common(_ settings: KafkaSettings, clientID: String) -> [String: String] {
        [
            "bootstrap.servers": settings.bootstrapServers,
            "client.id": clientID,
            "log.connection.close": "false",
            "reconnect.backoff.max.ms": "2000",
            "socket.keepalive.enable": "true",
            // Several requests are in flight at once. None of them may wait for the acknowledgement of another one.
            "socket.nagle.disable": "true",
            // Topics may be created after the services have started. librdkafka's default of 5 minutes is too long to
            // notice them.
            "topic.metadata.refresh.interval.ms": "10000",
        ]
    }

    static func reader(_ settings: KafkaSettings, clientID: String, group: String) -> [String: String] {
        common(settings, clientID: clientID).merging([
            "group.id": group,
            "enable.auto.commit": "false",
            "enable.auto.offset.store": "false",
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": "false",
            // The embedded broker answers a fetch only after this wait, even if a record arrives in the meantime, so
            // the wait adds to the latency of every hop. Apache Kafka answers at once: there, 500 costs no latency and
            // saves each consumer 80 idle requests a second.
            "fetch.wait.max.ms": "12",
            "fetch.error.backoff.ms": "100",
            // The amount of prefetched data, and the size of one fetch over all partitions. A backlog should wait at
            // the broker, not in the client.
            "queued.max.messages.kbytes": "1024",
            "fetch.max.bytes": "1048576",
        ]) { $1 }.merging(settings.overrides) { $1 }
    }

    static func member(_ settings: KafkaSettings, clientID: String, group: String) -> [String: String] {
        var properties = [
            // All members use the same assignor. Two assignors in one group crash the embedded broker.
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": "6000",
            "heartbeat.interval.ms": "500",
            // A common scrape interval of Prometheus. The client writes about a page of statistics each time.
            "statistics.interval.ms": "15000",
        ]
        if let id = settings.groupInstanceID { properties["group.instance.id"] = id }
        return properties.merging(reader(settings, clientID: clientID, group: group)) { $1 }
    }

    static func producer(_ settings: KafkaSettings, clientID: String) -> [String: String] {
        common(settings, clientID: clientID).merging([
            "enable.idempotence": "true",
            "acks": "all",
            // The partitioner of Kafka's own clients, so that a request's records are in the same partition for every
            // producer.
            "partitioner": "murmur2_random",
            "linger.ms": "0",
            "message.max.bytes": "1000000",
            // If a record is not written within 30 s, the send fails and the caller handles it.
            "message.timeout.ms": "30000",
            "request.timeout.ms": "10000",
            "queue.buffering.max.kbytes": "65536",
        ]) { $1 }.merging(settings.overrides) { $1 }
    }

    /// Whether librdkafka accepts the property and its value. The reason is dropped, since it may contain the value.
    static func accepts(_ property: String, _ value: String) -> Bool {
        guard let configuration = rd_kafka_conf_new() else { return false }
        defer { rd_kafka_conf_destroy(configuration) }
        return rd_kafka_conf_set(configuration, property, value, nil, 0) == RD_KAFKA_CONF_OK
    }
}
