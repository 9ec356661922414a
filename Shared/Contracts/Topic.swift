/// Topic names. Partitions and retention are in `infra/kafka/topics.json`.
public enum Topic {
    public static let results = "winnow.results.v1"
    public static let shadows = "winnow.shadows.v1"
    public static let retries = "winnow.retries.v1"
    public static let cancellations = "winnow.cancellations.v1"
    public static let certificates = "winnow.certificates.v1"
    public static let catalog = "winnow.catalog.v1"
    public static let heartbeats = "winnow.heartbeats.v1"
    public static let controls = "winnow.controls.v1"
    public static let deadLetters = "winnow.dead-letters.v1"

    /// The label in metrics of a topic whose name comes from outside: `other`, unless services process its records.
    public static func label(_ topic: String) -> String {
        let shared = sharedName(of: topic)
        return isProcessed(shared) || shared == retries ? shared : "other"
    }

    /// The name of the shared topic that a tenant's own topic stands for, and any other topic's own name. Metrics use
    /// it, so that no time series names a tenant.
    public static func sharedName(of topic: String) -> String {
        families.first { $0.contains(topic) }?.shared ?? topic
    }

    /// The topics whose records change how every process behaves. Their records are signed if a signing key is set.
    public static let signed: Set = [controls, catalog, certificates, heartbeats, cancellations]

    public static func requests(_ lane: Lane) -> String { "winnow.\(lane.prefix)requests.v1" }

    /// Requests that are delivered again after a temporary fault. They have a topic of their own, for two reasons: no
    /// service writes to a topic of the integrators, and the headers about earlier deliveries can be trusted.
    public static func retriedRequests(_ lane: Lane) -> String { "winnow.\(lane.prefix)retried-requests.v1" }

    /// Whether integrators may write to the topic. Only CloudEvents attributes count in its records.
    public static func isOpenToIntegrators(_ topic: String) -> Bool {
        openPrefixes.contains { topic.hasPrefix($0) }
    }

    private static let openPrefixes = Lane.allCases.map { "winnow.\($0.prefix)requests." }

    public static func outcomes(_ lane: Lane) -> String { "winnow.\(lane.prefix)outcomes.v1" }

    public static func escalations(_ lane: Lane) -> String { "winnow.\(lane.prefix)escalations.v1" }

    public static func steps(_ capability: Capability, _ lane: Lane) -> String {
        "winnow.\(lane.prefix)steps.\(capability).v1"
    }

    /// All topics of a lane, with those of the capabilities' steps.
    public static func all(_ lane: Lane, of capabilities: [Capability]) -> [String] {
        perLane(lane) + capabilities.map { steps($0, lane) }
    }

    private static func perLane(_ lane: Lane) -> [String] {
        [requests(lane), retriedRequests(lane), outcomes(lane), escalations(lane)]
    }

    /// The capability and the lane whose steps the topic holds; `nil` for any other topic.
    static func capability(ofSteps topic: String) -> (capability: Capability, lane: Lane)? {
        guard let (lane, prefix) = stepPrefixes.first(where: { topic.hasPrefix($0.prefix) }), topic.hasSuffix(version)
        else { return nil }
        let capability = Capability(rawValue: String(topic.dropFirst(prefix.count).dropLast(version.count)))
        return capability.isNameable ? (capability, lane) : nil
    }

    /// Whether services consume the topic in a group, so that a record may be written back to it.
    public static func isProcessed(_ topic: String) -> Bool {
        processed.contains(topic) || capability(ofSteps: topic) != nil
            || requestFamilies.contains { $0.contains(topic) }
    }

    private static let processed = Set(Lane.allCases.flatMap(perLane) + [shadows, heartbeats])
    private static let stepPrefixes = Lane.allCases.map { (lane: $0, prefix: "winnow.\($0.prefix)steps.") }

    /// Whether the topic belongs to one tenant, such as `winnow.requests.acme.v1`.
    public static func isOwn(_ topic: String) -> Bool {
        families.contains { $0.contains(topic) }
    }

    /// A shared topic, and the common prefix of the tenants' own topics that stand for it.
    private struct Family {
        let shared: String
        private let stem: String

        init(_ shared: String) {
            self.shared = shared
            stem = shared.dropLast(version.count) + "."
        }

        /// Whether `topic` is one tenant's own.
        func contains(_ topic: String) -> Bool {
            topic.hasPrefix(stem) && topic.utf8.suffix(version.utf8.count).elementsEqual(version.utf8)
                && topic.utf8.count > stem.utf8.count + version.utf8.count
        }
    }

    /// Computed once, since they are needed for the origin of every record.
    private static let requestFamilies = Lane.allCases.map { Family(requests($0)) }
    private static let families = requestFamilies + [Family(results)]

    /// The request topic of one tenant.
    /// - Returns: `nil` if the tenant cannot have topics of its own.
    public static func requests(_ lane: Lane, of tenant: TenantID) -> String? { own(requests(lane), tenant) }

    /// The result topic of one tenant, for both lanes.
    /// - Returns: `nil` if the tenant cannot have topics of its own.
    public static func results(of tenant: TenantID) -> String? { own(results, tenant) }

    /// All topics of one tenant; empty if the tenant cannot have topics of its own.
    public static func own(_ tenant: TenantID) -> [String] {
        (Lane.allCases.map { requests($0, of: tenant) } + [results(of: tenant)]).compactMap(\.self)
    }

    private static let version = ".v1"
    /// Marks a name that holds the tenant's bytes in hexadecimal.
    private static let escape = "x--"
    /// Keeps the longest topic, `winnow.bulk-requests.x--….v1`, within Kafka's limit of 249 characters.
    private static let mostEscapedBytes = 100

    /// Returns the name of the tenant's topic. Names of tenants with up to 64 letters, digits and `-` appear in it
    /// unchanged, all others in hexadecimal. Two tenants never share a topic, since encoded names start with `x--`, and
    /// a name that starts with `x--` is always encoded. The default tenant has no topic of its own, since its requests
    /// name no tenant.
    private static func own(_ shared: String, _ tenant: TenantID) -> String? {
        let bytes = Array(tenant.rawValue.utf8)
        guard tenant != .default, (1...mostEscapedBytes).contains(bytes.count) else { return nil }
        let isPlain =
            bytes.count <= 64 && !tenant.rawValue.utf8.starts(with: escape.utf8)
            && bytes.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2D
            }
        let name = isPlain ? tenant.rawValue : escape + Hex.text(bytes)
        return "\(shared.dropLast(version.count)).\(name)\(version)"
    }
}

/// Names of consumer groups.
public enum ConsumerGroup {
    public static func name(of service: String) -> String { "winnow.\(service)" }

    /// The consumer group that processes a topic's records and must see each of them.
    /// - Returns: `nil` if there is none. Integrators read results, every instance reads the topics that it follows,
    ///   and heartbeats and shadows are samples that may be incomplete.
    public static func reading(_ topic: String) -> String? {
        if let group = readers[topic] { return group }
        if let (capability, lane) = Topic.capability(ofSteps: topic) {
            return name(of: lane.loop(of: "\(capability)-worker"))
        }
        guard Topic.isOwn(topic), Topic.isOpenToIntegrators(topic) else { return nil }
        return name(of: Lane(topic: topic).loop(of: "decomposer"))
    }

    private static let readers: [String: String] = {
        var readers = [Topic.retries: name(of: "retries")]
        for lane in Lane.allCases {
            for topic in [Topic.requests(lane), Topic.retriedRequests(lane)] {
                readers[topic] = name(of: lane.loop(of: "decomposer"))
            }
            readers[Topic.escalations(lane)] = name(of: lane.loop(of: "escalator"))
            readers[Topic.outcomes(lane)] = name(of: lane.loop(of: "aggregator"))
        }
        return readers
    }()
}

extension Lane {
    /// The name of a service's loop in this lane. Its consumer group has the same name with the prefix `winnow.`.
    public func loop(of service: String) -> String { self == .bulk ? "\(service).bulk" : service }
}
