import CRDKafka
import Settings

/// How to reach the cluster, and what of librdkafka is set otherwise than `Properties` has it.
public struct KafkaSettings: Sendable {
    /// Comma-separated `host:port`.
    /// - Default: none (required). Key: `KAFKA_BOOTSTRAP_SERVERS`.
    public let bootstrapServers: String

    /// Makes a restarted instance the same member of its group, so that nothing is rebalanced meanwhile.
    /// - Default: none, a member of its own each time. Key: `KAFKA_GROUP_INSTANCE_ID`.
    public let groupInstanceID: String?

    /// How long a batch waits for more after its first record. 0 takes what is there: while a batch is being worked
    /// on the next one gathers, so batches grow with the load by themselves.
    /// - Default: 0. Units: milliseconds. Key: `KAFKA_ACCUMULATION_MS`.
    public let accumulation: Duration

    /// librdkafka properties by their own names. Key: `KAFKA_CONF_<NAME>`, in capitals, `_` for `.`:
    /// `KAFKA_CONF_SASL_PASSWORD` is `sasl.password`, `KAFKA_CONF_SSL_CA_LOCATION` is `ssl.ca.location`.
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

    /// For records that may come half a second later: an idle client fetches twice a second then, not eighty times, beats
    /// every other second, and little is fetched ahead.
    public var lowPriority: KafkaSettings {
        KafkaSettings(
            bootstrapServers: bootstrapServers, groupInstanceID: groupInstanceID, accumulation: accumulation,
            overrides: [
                "fetch.wait.max.ms": "500", "queued.max.messages.kbytes": "256", "fetch.message.max.bytes": "65536",
                "heartbeat.interval.ms": "2000",
            ].merging(overrides) { $1 })
    }

    /// - Throws: `SettingsError` also for a property that librdkafka does not know or accept, and for one that
    ///   delivery rests on.
    public init(from reader: inout SettingsReader) throws(SettingsError) {
        let bootstrapServers = try reader.required("KAFKA_BOOTSTRAP_SERVERS")
        let groupInstanceID = reader.optional("KAFKA_GROUP_INSTANCE_ID")
        let accumulation = try reader.integer("KAFKA_ACCUMULATION_MS", default: 0, in: 0...1000)
        var overrides: [String: String] = [:]
        for (name, value) in reader.group("KAFKA_CONF_").sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            let property = name.lowercased().split(separator: "_").joined(separator: ".")
            guard !Properties.reserved.contains(property) else {
                throw SettingsError("KAFKA_CONF_\(name)", "is decided by Winnow: delivery rests on it")
            }
            guard Properties.accepts(property, value) else {
                throw SettingsError("KAFKA_CONF_\(name)", "librdkafka does not know \(property), or not this value")
            }
            overrides[property] = value
        }
        self.init(
            bootstrapServers: bootstrapServers, groupInstanceID: groupInstanceID,
            accumulation: .milliseconds(accumulation), overrides: overrides)
    }
}

/// What every client is configured with before `KAFKA_CONF_*` is applied.
/// - Source: measured against the embedded broker; good for Apache Kafka too.
enum Properties {
    /// Those that "at least once" rests on.
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
            // Several requests are in flight at once; none may wait for another's acknowledgement.
            "socket.nagle.disable": "true",
            // Topics may be created after the services have started; 5 minutes is too late to notice.
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
            // The embedded broker never answers a fetch early, so this is what an idle hop costs.
            // Apache Kafka does: 500 there costs no latency and saves it 80 idle requests a second and consumer.
            "fetch.wait.max.ms": "12",
            "fetch.error.backoff.ms": "100",
            // What is fetched ahead of the work, and what one fetch brings of all partitions together: a backlog is to
            // wait with the broker.
            "queued.max.messages.kbytes": "1024",
            "fetch.max.bytes": "1048576",
        ]) { $1 }.merging(settings.overrides) { $1 }
    }

    static func member(_ settings: KafkaSettings, clientID: String, group: String) -> [String: String] {
        var properties = [
            // One assignor everywhere: two in one group end the embedded broker.
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": "6000",
            "heartbeat.interval.ms": "500",
            // As often as Prometheus commonly asks: each time a client writes a page about itself.
            "statistics.interval.ms": "15000",
        ]
        if let id = settings.groupInstanceID { properties["group.instance.id"] = id }
        return properties.merging(reader(settings, clientID: clientID, group: group)) { $1 }
    }

    static func producer(_ settings: KafkaSettings, clientID: String) -> [String: String] {
        common(settings, clientID: clientID).merging([
            "enable.idempotence": "true",
            "acks": "all",
            // As Kafka's own clients, so that a request's records meet in one partition whoever wrote them.
            "partitioner": "murmur2_random",
            "linger.ms": "0",
            "message.max.bytes": "1000000",
            // A record that is not written within 30 s is the caller's again.
            "message.timeout.ms": "30000",
            "request.timeout.ms": "10000",
            "queue.buffering.max.kbytes": "65536",
        ]) { $1 }.merging(settings.overrides) { $1 }
    }

    /// Whether librdkafka knows the property and takes the value, which is not told any further.
    static func accepts(_ property: String, _ value: String) -> Bool {
        guard let configuration = rd_kafka_conf_new() else { return false }
        defer { rd_kafka_conf_destroy(configuration) }
        return rd_kafka_conf_set(configuration, property, value, nil, 0) == RD_KAFKA_CONF_OK
    }
}
