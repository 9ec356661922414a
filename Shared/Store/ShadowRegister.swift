import Contracts

/// What both models said of an item that the small one has answered; nothing of what they said.
public struct ShadowComparison: Sendable, Equatable {
    public var step: Step.ID
    /// Its place in the step.
    public var item: Int
    public var route: Route
    /// As `name@version`.
    public var smallModel: String
    public var fullModel: String
    /// By which the small model was sure.
    public var certificate: Certificate.ID
    /// With which the item was drawn.
    public var probability: Double
    /// The small model's.
    public var confidence: Double
    public var agrees: Bool
    public var decidedAt: Timestamp
    public var comparedAt: Timestamp

    public init(
        step: Step.ID, item: Int, route: Route, smallModel: String, fullModel: String, certificate: Certificate.ID,
        probability: Double, confidence: Double, agrees: Bool, decidedAt: Timestamp, comparedAt: Timestamp
    ) {
        self.step = step
        self.item = item
        self.route = route
        self.smallModel = smallModel
        self.fullModel = fullModel
        self.certificate = certificate
        self.probability = probability
        self.confidence = confidence
        self.agrees = agrees
        self.decidedAt = decidedAt
        self.comparedAt = comparedAt
    }
}

/// The escalator's part of the watch over certificates.
public protocol ShadowRegister: AttemptLedger {
    /// - Returns: those of which items have been compared before: a repetition would pay again and tell nothing.
    func compared(among steps: [Step.ID]) async throws -> Set<Step.ID>

    /// Settles calls and keeps what they were made for, in one transaction. An item counts once.
    func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws
}
