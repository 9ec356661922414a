import Glibc

/// Decides from compared items for which tenants a certificate's promise is broken, and whether it is broken for everybody.
///
/// While every tenant's texts keep the promise, the probability that anything is ever revoked is at most δ, however often one
/// looks:
/// - One half of δ is for the tenants, each tested by itself. The tenant whose first comparison came as the k-th gets
///   δ/2 · 1/(k(k+1)), and these sum to δ/2. By Ville's inequality the capital of a bet against a promise that is kept ever
///   reaches 1/p with probability at most p.
/// - The other half is for everybody together. The product of the tenants' capitals is a supermartingale over texts of which
///   each counts once. It stays one where each tenant stakes half of its 1 and keeps the other half, so that no tenant can
///   lose more than half of the product. It only shrinks where each factor is cut off, so that no tenant gives more than
///   `largestShare` of the evidence.
/// - Source: Ville, Étude critique de la notion de collectif, 1939; Estimating means of bounded random variables by betting,
///   arXiv:2010.09686; E-values: calibration, combination and applications, arXiv:1912.06116
public struct PromiseWatch: Sendable {
    /// Of the evidence that revokes a certificate for everybody: what one tenant may give at most.
    public static let largestShare = 0.25

    /// What one tenant's texts tell.
    public struct Sample: Sendable {
        /// Its place, from 1 on, in the order in which the tenants' first comparisons came.
        public var position: Int
        /// Of its texts, each counted once.
        public var own: SampledRate
        /// Of those among them that no other tenant had sent before.
        public var novel: SampledRate

        public init(position: Int, own: SampledRate, novel: SampledRate) {
            (self.position, self.own, self.novel) = (position, own, novel)
        }
    }

    private let alpha: Double
    private let delta: Double

    /// - Parameters:
    ///   - alpha: the share of disagreements that is promised not to be exceeded.
    ///   - delta: the probability with which a promise that is kept may be taken for broken.
    public init(alpha: Double, delta: Double) { (self.alpha, self.delta) = (alpha, delta) }

    public func isBroken(for sample: Sample) -> Bool {
        let place = Double(max(sample.position, 1))
        return sample.own.evidence(above: alpha) >= log(2 * place * (place + 1) / delta)
    }

    /// Whether the tenants together show that the promise is broken.
    public func isBrokenForAll(_ samples: some Sequence<Sample>) -> Bool {
        let needed = log(2 / delta)
        let most = Self.largestShare * needed
        return samples.reduce(0) { $0 + min(Self.halfStaked($1.novel.evidence(above: alpha)), most) } >= needed
    }

    /// The logarithm of the capital where half of the 1 was staked, and half of it kept.
    private static func halfStaked(_ capital: Double) -> Double {
        guard capital < .infinity else { return capital }
        return (capital > 0 ? capital + log1p(exp(-capital)) : log1p(exp(capital))) - M_LN2
    }
}
