/// The name and version of a model. A certificate holds for exactly one identity.
public struct ModelIdentity: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    /// Changes with everything that can change an answer, such as the weights or the prompt.
    public let version: String

    public init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    /// `name@version`, as answers and the ledger name a model.
    public var description: String { "\(name)@\(version)" }
}
