/// How urgent a request is. Its topic says so, and every hop keeps it.
public enum Lane: String, CaseIterable, Sendable {
    /// Somebody waits for the answer.
    case interactive
    /// Worked off with what the interactive lane leaves.
    case bulk

    /// The lane of a topic's records.
    public init(topic: String) { self = topic.hasPrefix("winnow.\(Lane.bulk.prefix)") ? .bulk : .interactive }

    /// What the first word of its topics begins with.
    var prefix: String { self == .bulk ? "bulk-" : "" }
}
