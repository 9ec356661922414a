import Contracts

/// What a sample of compared items is taken of.
public enum AgreementScope: Hashable, Sendable {
    /// What the small model answered of a task in an hour, which begins then.
    case hour(Timestamp, Route)
    /// What was answered by a certificate, and compared with the full model that it names.
    case certificate(Certificate.ID)
}

/// Compared items of a scope, by the probability with which they were drawn.
public struct ShadowSample: Sendable, Equatable {
    public struct Stratum: Sendable, Equatable {
        public var probability: Double
        public var compared: Int
        public var disagreed: Int

        public init(probability: Double, compared: Int, disagreed: Int) {
            self.probability = probability
            self.compared = compared
            self.disagreed = disagreed
        }
    }

    public var scope: AgreementScope
    /// By probability, the smallest first.
    public var strata: [Stratum]

    public init(scope: AgreementScope, strata: [Stratum]) {
        self.scope = scope
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

/// The aggregator's part of the watch over certificates.
public protocol AgreementRegister: Sendable {
    /// Hands over the samples that have grown since they were judged, and keeps the verdict, in one transaction.
    /// - Parameter limit: of tallies; a certificate's and an hour's sample is always whole.
    /// - Returns: the samples.
    func judge(
        limit: Int, _ verdict: @escaping @Sendable ([ShadowSample]) -> [Agreement]
    ) async throws -> [ShadowSample]
}
