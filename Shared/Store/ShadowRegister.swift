import Contracts

/// What both models said of an item that the small one has answered; nothing of what they said.
public struct ShadowComparison: Sendable, Equatable {
    public var step: Step.ID
    /// Its place in the step.
    public var item: Int
    public var tenant: TenantID
    /// The item's. A store keeps a keyed hash of it and nothing else.
    public var text: String
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
        step: Step.ID, item: Int, tenant: TenantID, text: String, route: Route, smallModel: String, fullModel: String,
        certificate: Certificate.ID,
        probability: Double, confidence: Double, agrees: Bool, decidedAt: Timestamp, comparedAt: Timestamp
    ) {
        self.step = step
        self.item = item
        self.tenant = tenant
        self.text = text
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

/// What is compared once: a tenant's text, answered by a certificate, and a full model.
public struct ShadowText: Sendable {
    public var certificate: Certificate.ID
    /// As `name@version`.
    public var fullModel: String
    public var tenant: TenantID
    public var text: String

    public init(certificate: Certificate.ID, fullModel: String, tenant: TenantID, text: String) {
        self.certificate = certificate
        self.fullModel = fullModel
        self.tenant = tenant
        self.text = text
    }
}

/// The escalator's part of the watch over certificates.
public protocol ShadowRegister: AttemptLedger {
    /// - Returns: the places of the texts that have been compared before: a repetition would cost again and tell nothing.
    func compared(among texts: [ShadowText]) async throws -> Set<Int>

    /// Settles calls and keeps what they were made for, in one transaction. Of a tenant a text counts once for each
    /// certificate and full model.
    func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws
}
