/// The topics; partitions and retention are in `infra/kafka/topics.json`.
public enum Topic {
    public static let requests = "winnow.requests.v1"
    public static let outcomes = "winnow.outcomes.v1"
    public static let escalations = "winnow.escalations.v1"
    public static let results = "winnow.results.v1"
    public static let deadLetters = "winnow.dead-letters.v1"

    public static func steps(_ capability: Capability) -> String { "winnow.steps.\(capability).v1" }
}
