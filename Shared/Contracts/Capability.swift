/// A named domain that a small model can be cut for.
public struct Capability: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public static let decomposition = Capability(rawValue: "decomposition")
    public static let semanticUnderstanding = Capability(rawValue: "semantic-understanding")
    public static let softwareDevelopment = Capability(rawValue: "software-development")
    public static let legalServices = Capability(rawValue: "legal-services")
    public static let securityServices = Capability(rawValue: "security-services")

    /// Those that a request may ask for; `decomposition` is Winnow's own.
    public static let requestable: [Capability] = [
        .semanticUnderstanding, .softwareDevelopment, .legalServices, .securityServices,
    ]

    public var description: String { rawValue }
}
