/// The question to ask about an item: a capability and one of its tasks, written `capability/task`.
public struct Route: Hashable, Sendable, CustomStringConvertible {
    public let capability: Capability
    public let task: String

    public init(_ capability: Capability, _ task: String) {
        self.capability = capability
        self.task = task
    }

    /// - Returns: `nil` unless `text` is two non-empty words separated by one slash.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(Capability(rawValue: String(parts[0])), String(parts[1]))
    }

    /// Reads a routing label, such as `legal-services/clause-type,security-services/payload`; empty for `none`.
    public static func list(in label: String) -> [Route] {
        label.split(separator: ",").compactMap { Route(String($0)) }
    }

    /// The router's question: to which of the other routes does an item belong?
    public static let decomposition = Route(.decomposition, "route")

    /// Whether an answer names other routes. The item then becomes an item of a step on each of these, which answer it;
    /// the answer itself counts only for an item that fits no route.
    public var expandsPlan: Bool { self == .decomposition }

    public var description: String { "\(capability)/\(task)" }
}

/// The name of a domain that a small model can be trained for, such as `legal-services`.
public struct Capability: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public static let decomposition = Capability(rawValue: "decomposition")

    /// Whether the name can be part of a topic's name. `decomposition` is Winnow's own.
    public var isNameable: Bool {
        let bytes = rawValue.utf8
        guard (1...63).contains(bytes.count), let first = bytes.first, (0x61...0x7A).contains(first) else {
            return false
        }
        return self != .decomposition
            && bytes.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    public var description: String { rawValue }
}

/// How the windows of a text that exceeds a model's input are combined into one answer.
///
/// The rule belongs to the task, not to a model. The small and the full model must combine windows in the same way, or
/// they would disagree about every long text.
/// - Source: infra/decisions/0028-long-texts.md
public enum WindowRule: Sendable, Equatable {
    /// A finding in any window is a finding of the whole text. The answer is that of the window in which the label
    /// `clean`, which stands for no finding, is least probable.
    case anyFinding(clean: String)
    /// The mean of the windows' logits gives the answer.
    case mean
    /// The first window answers, and the rest of the text is not read.
    case beginning
    /// The first window answers. Each label in `findings` is added if any window shows it.
    case beginningAnd(findings: [String])
}

/// How urgent a request is. The topic of the request determines the lane, and every hop keeps it.
public enum Lane: String, CaseIterable, Sendable {
    /// A client waits for the answer.
    case interactive
    /// Processed with the capacity that the interactive lane leaves.
    case bulk

    /// The lane of a topic.
    public init(topic: String) { self = topic.hasPrefix("winnow.\(Lane.bulk.prefix)") ? .bulk : .interactive }

    /// The prefix of the lane's topic names.
    var prefix: String { self == .bulk ? "bulk-" : "" }
}
