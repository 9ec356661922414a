/// What became of a topic of the catalog.
public struct TopicReport: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        case created, existing
        /// It has more partitions than asked for: an operator has added some. Keys have moved, which redelivery by state
        /// copes with.
        case larger(Int)
        /// It has fewer partitions than asked for, so that fewer workers can share it. Partitions are not added here,
        /// because that moves keys.
        case smaller(Int)
    }

    public let name: String
    public let outcome: Outcome

    public init(name: String, outcome: Outcome) {
        self.name = name
        self.outcome = outcome
    }
}
