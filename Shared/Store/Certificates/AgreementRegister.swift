import Contracts

/// What a sample of compared items is taken of.
public enum AgreementScope: Hashable, Sendable {
    /// A tenant's items of a task that the small model answered in an hour, which begins then.
    case hour(Timestamp, Route, TenantID)
    /// A tenant's items that were answered by a certificate and compared with the full model that it names.
    case tenant(Certificate.ID, TenantID)
    /// The same of all tenants, where a text that several of them have sent counts once.
    case certificate(Certificate.ID)
}

/// Compared items of one tenant, by the probability with which they were drawn. A text counts once.
public struct ShadowSample: Sendable, Equatable {
    public struct Stratum: Sendable, Equatable {
        public var probability: Double
        public var compared: Int
        public var disagreed: Int
        /// Of `compared`: texts that no other tenant had sent before.
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

    /// An hour, or a tenant.
    public var scope: AgreementScope
    /// Of a certificate's tenant: its place, from 1 on, in the order in which the tenants' first comparisons came. It never
    /// changes. 0 for an hour.
    public var position: Int
    /// Whether it has grown since it was judged last.
    public var hasGrown: Bool
    /// By probability, the smallest first.
    public var strata: [Stratum]

    public init(scope: AgreementScope, position: Int = 0, hasGrown: Bool = true, strata: [Stratum]) {
        self.scope = scope
        self.position = position
        self.hasGrown = hasGrown
        self.strata = strata
    }
}

/// What a sample tells of how often accepted answers agree with the full model.
public struct Agreement: Sendable, Equatable {
    public var scope: AgreementScope
    public var compared: Int
    public var disagreed: Int
    public var value: Double
    /// Of the 95% interval.
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

/// What a verdict goes by, all of it read in the transaction that writes the verdict.
public struct AgreementEvidence: Sendable, Equatable {
    /// Those that have grown; where a tenant's sample of a certificate has, the certificate's other tenants' as well.
    public var samples: [ShadowSample]
    /// The certificates that stand.
    public var standing: [Certificate]
    /// For whom certificates that the samples are about were revoked already.
    public var revokedTenants: [Certificate.ID: Set<TenantID>]

    public static let none = AgreementEvidence(samples: [], standing: [], revokedTenants: [:])

    public init(samples: [ShadowSample], standing: [Certificate], revokedTenants: [Certificate.ID: Set<TenantID>]) {
        self.samples = samples
        self.standing = standing
        self.revokedTenants = revokedTenants
    }
}

/// What the evidence calls for.
public struct AgreementVerdict: Sendable, Equatable {
    public var agreements: [Agreement]
    public var revocations: [Revocation]

    public init(agreements: [Agreement] = [], revocations: [Revocation] = []) {
        self.agreements = agreements
        self.revocations = revocations
    }
}

/// The aggregator's part of the watch over certificates.
public protocol AgreementRegister: Sendable {
    /// Hands over the evidence that has grown since it was judged, and writes the verdict with its revocations, in one
    /// transaction: evidence counts as judged only together with what it has brought about.
    /// - Parameters:
    ///   - limit: of tallies; a sample is always whole.
    ///   - verdict: pure, for a transaction that lost to another asks again.
    /// - Returns: the evidence, and the revocations that are new.
    func judge(
        limit: Int, _ verdict: @escaping @Sendable (AgreementEvidence) -> AgreementVerdict
    ) async throws -> (evidence: AgreementEvidence, revoked: [Revocation])
}

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
