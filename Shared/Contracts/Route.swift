/// What is asked of an item: a capability and one of its tasks, written `capability/task`.
public struct Route: Hashable, Sendable, CustomStringConvertible {
    public let capability: Capability
    public let task: String

    public init(_ capability: Capability, _ task: String) {
        self.capability = capability
        self.task = task
    }

    /// - Returns: `nil` unless `text` is two non-empty words around one slash.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(Capability(rawValue: String(parts[0])), String(parts[1]))
    }

    /// The router's own question: which of the other routes does this item belong to?
    public static let decomposition = Route(.decomposition, "route")

    /// Every route that a request may name.
    public static let requestable: [Route] = [
        Route(.semanticUnderstanding, "intent"),
        Route(.legalServices, "clause-type"),
        Route(.legalServices, "unfair-term"),
        Route(.securityServices, "payload"),
        Route(.securityServices, "prompt-attack"),
        Route(.softwareDevelopment, "issue-type"),
    ]

    public var description: String { "\(capability)/\(task)" }
}
