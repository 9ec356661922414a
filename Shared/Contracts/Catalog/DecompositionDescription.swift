/// Who decides about the items that the router is not sure of, and about where they are.
public struct DecompositionDescription: Sendable, Equatable {
    /// The built-in full model, which knows the built-in tasks only, or an endpoint, which is told of all tasks.
    public var full: String
    /// Neighbouring items of a line go to the full model as one, to be cut and routed there, if the router is less sure
    /// of where they are than this. `nil` leaves all cuts to the router.
    public var splitBelow: Double?

    public init(full: String = Self.encoder, splitBelow: Double? = nil) {
        self.full = full
        self.splitBelow = splitBelow
    }

    /// The name of the built-in full model.
    public static let encoder = "full"

    /// Half is what a coin toss is sure of.
    public static let splitBounds = 0.5...1.0

    public var isEndpoint: Bool { TaskModels.isEndpoint(full) }
}
