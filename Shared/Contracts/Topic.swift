/// The topics; partitions and retention are in `infra/kafka/topics.json`.
public enum Topic {
    public static let requests = "winnow.requests.v1"
    public static let outcomes = "winnow.outcomes.v1"
    public static let escalations = "winnow.escalations.v1"
    public static let results = "winnow.results.v1"
    public static let retries = "winnow.retries.v1"
    public static let cancellations = "winnow.cancellations.v1"
    public static let certificates = "winnow.certificates.v1"
    public static let heartbeats = "winnow.heartbeats.v1"
    public static let controls = "winnow.controls.v1"
    public static let deadLetters = "winnow.dead-letters.v1"

    /// Those whose records are worked on, and may come again.
    public static let worked = Set([requests, outcomes, escalations, heartbeats] + Capability.requestable.map(steps))

    public static func steps(_ capability: Capability) -> String { "winnow.steps.\(capability).v1" }
}
