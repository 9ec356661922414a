/// The topics; partitions and retention are in `infra/kafka/topics.json`.
public enum Topic {
    public static let results = "winnow.results.v1"
    public static let shadows = "winnow.shadows.v1"
    public static let retries = "winnow.retries.v1"
    public static let cancellations = "winnow.cancellations.v1"
    public static let certificates = "winnow.certificates.v1"
    public static let heartbeats = "winnow.heartbeats.v1"
    public static let controls = "winnow.controls.v1"
    public static let deadLetters = "winnow.dead-letters.v1"

    /// Those whose records are worked on, and may come again.
    public static let worked = Set(Lane.allCases.flatMap(all) + [shadows, heartbeats])

    /// The topic as a metric's label. One of a tenant's own counts as the one that all tenants share, so that no series names
    /// a tenant.
    public static func label(_ topic: String) -> String {
        let shared = Lane.allCases.map { requests($0) }.first { isOwn(topic, stem: stem($0)) } ?? topic
        return worked.contains(shared) || shared == retries ? shared : "other"
    }

    /// Those whose records every process obeys, and which are signed where there is a key.
    public static let signed: Set = [controls, certificates, heartbeats, cancellations]

    public static func requests(_ lane: Lane) -> String { "winnow.\(lane.prefix)requests.v1" }

    /// Requests that are delivered again after a passing fault. A topic of their own, so that no service writes to a topic
    /// of the integrators, and what these records say about earlier deliveries can be believed.
    public static func retriedRequests(_ lane: Lane) -> String { "winnow.\(lane.prefix)retried-requests.v1" }

    /// Whether integrators write to the topic. Of their records only what belongs to an event counts.
    public static func isOpenToIntegrators(_ topic: String) -> Bool {
        openPrefixes.contains { topic.hasPrefix($0) }
    }

    private static let openPrefixes = Lane.allCases.map { "winnow.\($0.prefix)requests." }

    public static func outcomes(_ lane: Lane) -> String { "winnow.\(lane.prefix)outcomes.v1" }

    public static func escalations(_ lane: Lane) -> String { "winnow.\(lane.prefix)escalations.v1" }

    public static func steps(_ capability: Capability, _ lane: Lane) -> String {
        "winnow.\(lane.prefix)steps.\(capability).v1"
    }

    /// Those of a lane.
    public static func all(_ lane: Lane) -> [String] {
        [requests(lane), retriedRequests(lane), outcomes(lane), escalations(lane)]
            + Capability.requestable.map { steps($0, lane) }
    }

    /// Whether a record may go back there to be worked on again.
    public static func isWorked(_ topic: String) -> Bool {
        worked.contains(topic) || ownRequestStems.contains { isOwn(topic, stem: $0) }
    }

    /// Whether it is a topic of one tenant's own.
    public static func isOwn(_ topic: String) -> Bool {
        isOwn(topic, stem: ownResultStem) || ownRequestStems.contains { isOwn(topic, stem: $0) }
    }

    private static func isOwn(_ topic: String, stem: String) -> Bool {
        topic.hasPrefix(stem) && topic.utf8.suffix(version.utf8.count).elementsEqual(version.utf8)
            && topic.utf8.count > stem.utf8.count + version.utf8.count
    }

    /// What the names of tenants' own topics begin with. Made once: every record is asked where it came from.
    private static func stem(_ shared: String) -> String { shared.dropLast(version.count) + "." }
    private static let ownResultStem = stem(results)
    private static let ownRequestStems = Lane.allCases.map { stem(requests($0)) }

    /// The request topic of one tenant.
    /// - Returns: `nil` where the tenant cannot have topics of its own.
    public static func requests(_ lane: Lane, of tenant: TenantID) -> String? { own(requests(lane), tenant) }

    /// The results of one tenant's requests, of both lanes.
    /// - Returns: `nil` where the tenant cannot have topics of its own.
    public static func results(of tenant: TenantID) -> String? { own(results, tenant) }

    /// All topics of one tenant; none where it cannot have its own.
    public static func own(_ tenant: TenantID) -> [String] {
        (Lane.allCases.map { requests($0, of: tenant) } + [results(of: tenant)]).compactMap(\.self)
    }

    private static let version = ".v1"
    /// What a name begins with that is a tenant's bytes in hexadecimal.
    private static let escape = "x--"
    /// So that the longest topic, `winnow.bulk-requests.x--….v1`, has at most Kafka's 249 characters.
    private static let mostEscapedBytes = 100

    /// Names of up to 64 letters, digits and `-` stand as they are, and all others in hexadecimal. No two tenants have one
    /// topic: an escaped name begins with `x--`, and a name that begins so is escaped. The default tenant has none, as its
    /// requests are those that name no tenant.
    private static func own(_ shared: String, _ tenant: TenantID) -> String? {
        let bytes = Array(tenant.rawValue.utf8)
        guard tenant != .default, (1...mostEscapedBytes).contains(bytes.count) else { return nil }
        let isPlain =
            bytes.count <= 64 && !tenant.rawValue.utf8.starts(with: escape.utf8)
            && bytes.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2D
            }
        let digits = Array("0123456789abcdef".utf8)
        let hex = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        let name = isPlain ? tenant.rawValue : escape + String(decoding: hex, as: UTF8.self)
        return "\(shared.dropLast(version.count)).\(name)\(version)"
    }
}

/// Names of consumer groups.
public enum ConsumerGroup {
    public static func name(of service: String) -> String { "winnow.\(service)" }

    /// The group that works on a topic's records and must see each of them.
    /// - Returns: `nil` where there is none: integrators read results, every instance reads what it follows, and heartbeats
    ///   and shadows are samples, of which some may be missing.
    public static func reading(_ topic: String) -> String? {
        if let group = readers[topic] { return group }
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
            for capability in Capability.requestable {
                readers[Topic.steps(capability, lane)] = name(of: lane.loop(of: "\(capability)-worker"))
            }
        }
        return readers
    }()
}

extension Lane {
    /// The name of a service's loop in this lane: its consumer group is that behind `winnow.`.
    public func loop(of service: String) -> String { self == .bulk ? "\(service).bulk" : service }
}
