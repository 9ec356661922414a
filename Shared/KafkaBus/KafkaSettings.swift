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
    public var unhurried: KafkaSettings {
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
