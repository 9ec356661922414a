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

    /// The topic as a metric's label.
    public static func label(_ topic: String) -> String {
        worked.contains(topic) || topic == retries ? topic : "other"
    }

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
}
