/// The name and version of a model on a route. A certificate holds for exactly one identity of each of its two models.
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

/// The two models of a route that a certificate compares.
public struct ModelPair: Hashable, Sendable {
    public let small: ModelIdentity
    public let full: ModelIdentity
    /// Says whether their answers agree; `nil` if they are compared without a model.
    public let judge: ModelIdentity?

    public init(small: ModelIdentity, full: ModelIdentity, judge: ModelIdentity? = nil) {
        self.small = small
        self.full = full
        self.judge = judge
    }
}
