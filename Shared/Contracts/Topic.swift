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

    public static func requests(_ lane: Lane) -> String { "winnow.\(lane.prefix)requests.v1" }

    public static func outcomes(_ lane: Lane) -> String { "winnow.\(lane.prefix)outcomes.v1" }

    public static func escalations(_ lane: Lane) -> String { "winnow.\(lane.prefix)escalations.v1" }

    public static func steps(_ capability: Capability, _ lane: Lane) -> String {
        "winnow.\(lane.prefix)steps.\(capability).v1"
    }

    /// Those of a lane.
    public static func all(_ lane: Lane) -> [String] {
        [requests(lane), outcomes(lane), escalations(lane)] + Capability.requestable.map { steps($0, lane) }
    }
}
