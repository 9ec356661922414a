import Contracts

/// The population from which a sample of compared items is drawn.
public enum AgreementScope: Hashable, Sendable {
    /// One tenant's items of a task that the small model answered in one hour. The timestamp is the start of the hour.
    case hour(Timestamp, Route, TenantID)
    /// One tenant's items that were answered under a certificate and compared with the certificate's full model.
    case tenant(Certificate.ID, TenantID)
    /// The same for all tenants. A text that several tenants have sent counts once.
    case certificate(Certificate.ID)
}

/// Compared items of one scope, grouped by the probability with which they were drawn. Each text counts once.
public struct ShadowSample: Sendable, Equatable {
    public struct Stratum: Sendable, Equatable {
        public var probability: Double
        public var compared: Int
        public var disagreed: Int
        /// The number of compared texts that no other tenant had sent before.
        public var novel: Int
        public var novelDisagreed: Int

        public init(probability: Double, compared: Int, disagreed: Int, novel: Int, novelDisagreed: Int) {
            self.probability = probability
            self.compared = compared
            self.disagreed = disagreed
            self.novel = novel
            self.novelDisagreed = novelDisagreed
        }
    }

    /// An hour or a tenant.
    public var scope: AgreementScope
    /// For a tenant of a certificate: its position, from 1, in the order of the tenants' first comparisons. It never
    /// changes. 0 for an hour.
    public var position: Int
    /// Whether the sample has grown since it was last judged.
    public var hasGrown: Bool
    /// Ordered by probability, the smallest first.
    public var strata: [Stratum]

    public init(scope: AgreementScope, position: Int = 0, hasGrown: Bool = true, strata: [Stratum]) {
        self.scope = scope
        self.position = position
        self.hasGrown = hasGrown
        self.strata = strata
    }
}

/// An estimate of how often accepted answers agree with the full model, computed from a sample.
public struct Agreement: Sendable, Equatable {
    public var scope: AgreementScope
    public var compared: Int
    public var disagreed: Int
    public var value: Double
    /// The bounds of the 95% interval.
    public var low: Double
    public var high: Double

    public init(scope: AgreementScope, compared: Int, disagreed: Int, value: Double, low: Double, high: Double) {
        self.scope = scope
        self.compared = compared
        self.disagreed = disagreed
        self.value = value
        self.low = low
        self.high = high
    }
}

/// The data that a verdict depends on. All of it is read in the transaction that writes the verdict.
public struct AgreementEvidence: Sendable, Equatable {
    /// The samples that have grown. If one tenant's sample of a certificate has grown, the samples of the certificate's
    /// other tenants are included.
    public var samples: [ShadowSample]
    /// The certificates that are valid.
    public var standing: [Certificate]
    /// The tenants for which the certificates of the samples are already revoked.
    public var revokedTenants: [Certificate.ID: Set<TenantID>]

    public static let none = AgreementEvidence(samples: [], standing: [], revokedTenants: [:])

    public init(samples: [ShadowSample], standing: [Certificate], revokedTenants: [Certificate.ID: Set<TenantID>]) {
        self.samples = samples
        self.standing = standing
        self.revokedTenants = revokedTenants
    }
}

/// The conclusions from the evidence.
public struct AgreementVerdict: Sendable, Equatable {
    public var agreements: [Agreement]
    public var revocations: [Revocation]

    public init(agreements: [Agreement] = [], revocations: [Revocation] = []) {
        self.agreements = agreements
        self.revocations = revocations
    }
}

/// The aggregator's view of certificate monitoring.
public protocol AgreementRegister: Sendable {
    /// Passes the evidence that has grown since the last verdict to `verdict`, and writes the verdict and its
    /// revocations. Both happen in one transaction, so that evidence never counts as judged without its consequences.
    /// - Parameters:
    ///   - limit: the maximum number of tallies; samples are never split.
    ///   - verdict: a pure function, since it is called again if the transaction is retried after a conflict.
    /// - Returns: the evidence, and the revocations that are new.
    func judge(
        limit: Int, _ verdict: @escaping @Sendable (AgreementEvidence) -> AgreementVerdict
    ) async throws -> (evidence: AgreementEvidence, revoked: [Revocation])
}

/// Whether both models agree on an item that the small model has answered. It does not contain the answers.
public struct ShadowComparison: Sendable, Equatable {
    public var step: Step.ID
    /// The index of the item in its step.
    public var item: Int
    public var tenant: TenantID
    /// The text of the item. A store keeps only a keyed hash of it.
    public var text: String
    public var route: Route
    /// As `name@version`.
    public var smallModel: String
    public var fullModel: String
    /// The certificate that allowed the small model to answer.
    public var certificate: Certificate.ID
    /// The probability with which the item was drawn.
    public var probability: Double
    /// The small model's confidence.
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

/// The key of a comparison. For each key, a text is compared once.
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

/// The escalator's view of certificate monitoring.
public protocol ShadowRegister: AttemptLedger {
    /// - Returns: the indices of texts that were compared before. Comparing them again would cost money without new
    ///   information.
    func compared(among texts: [ShadowText]) async throws -> Set<Int>

    /// Settles calls and stores the comparisons that they were made for, in one transaction. Each text of a tenant
    /// counts once per certificate and full model.
    func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws
}
