/// What became of a topic of the catalog.
public struct TopicReport: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        case created, existing
        /// It exists with another number of partitions. Winnow runs on it; adding some moves keys to other ones.
        case mismatched(partitions: Int)
    }

    public let name: String
    public let outcome: Outcome

    public init(name: String, outcome: Outcome) {
        self.name = name
        self.outcome = outcome
    }
}
