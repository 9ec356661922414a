import Glibc

/// Decides from compared items for which tenants a certificate's promise is broken, and whether it is broken for
/// everybody.
///
/// If every tenant's texts keep the promise, the probability of any revocation is at most δ, however often the evidence
/// is checked:
/// - One half of δ is for the tenants, each tested separately. The tenant whose first comparison came as the k-th gets
///   δ/2 · 1/(k(k+1)), and these sum to δ/2. Ville's inequality bounds a bet against a promise that is kept: its
///   capital ever reaches 1/p with probability at most p.
/// - The other half is for all tenants together. The product of the tenants' capitals is a supermartingale over texts
///   that each count once. Each tenant stakes half of its capital of 1 and keeps the other half, so no tenant can lose
///   more than half of the product. This keeps the product a supermartingale. Each factor is capped, so that no tenant
///   gives more than `largestShare` of the evidence. A cap only makes the product smaller.
/// - Source: Ville, Étude critique de la notion de collectif, 1939; Estimating means of bounded random variables by
///   betting, arXiv:2010.09686; E-values: calibration, combination and applications, arXiv:1912.06116
public struct PromiseWatch: Sendable {
    /// The largest share of the evidence that one tenant may contribute to a revocation for all tenants.
    public static let largestShare = 0.25

    /// The evidence of one tenant's texts.
    public struct Sample: Sendable {
        /// The tenant's position in the order of first comparisons, from 1.
        public var position: Int
        /// The rate over the tenant's texts, each counted once.
        public var own: SampledRate
        /// The rate over those of its texts that no other tenant had sent before.
        public var novel: SampledRate

        public init(position: Int, own: SampledRate, novel: SampledRate) {
            (self.position, self.own, self.novel) = (position, own, novel)
        }
    }

    private let alpha: Double
    private let delta: Double

    /// - Parameters:
    ///   - alpha: the promised maximum share of disagreements.
    ///   - delta: the probability with which a kept promise may be judged broken.
    public init(alpha: Double, delta: Double) { (self.alpha, self.delta) = (alpha, delta) }

    /// Returns whether this tenant's texts alone show that the promise is broken for this tenant.
    public func isBroken(for sample: Sample) -> Bool {
        let place = Double(max(sample.position, 1))
        return sample.own.evidence(above: alpha) >= log(2 * place * (place + 1) / delta)
    }

    /// Returns whether all tenants together show that the promise is broken.
    public func isBrokenForAll(_ samples: some Sequence<Sample>) -> Bool {
        let needed = log(2 / delta)
        let most = Self.largestShare * needed
        return samples.reduce(0) { $0 + min(Self.halfStaked($1.novel.evidence(above: alpha)), most) } >= needed
    }

    /// Returns log((1 + e^`capital`) / 2): the logarithm of a capital of which half was kept and half was staked.
    /// - Parameter capital: the logarithm of what a stake of 1 became.
    private static func halfStaked(_ capital: Double) -> Double {
        guard capital < .infinity else { return capital }
        return (capital > 0 ? capital + log1p(exp(-capital)) : log1p(exp(capital))) - M_LN2
    }
}

/// A rate of disagreement estimated from a sample. Each item was drawn with a known probability, and its weight is the
/// inverse.
///
/// Interval and verdict are valid at any time and however often they are computed. They come from a bet whose capital
/// grows only if the true rate differs. The bet is a mixture of fixed stakes, so it needs only counts.
/// - Source: Estimating means of bounded random variables by betting, arXiv:2010.09686, section 4
public struct SampledRate: Sendable {
    /// Items that were drawn with the same probability.
    public struct Stratum: Sendable {
        var probability: Double
        var tally: Tally

        public init(probability: Double, tally: Tally) { (self.probability, self.tally) = (probability, tally) }
    }

    /// Stakes as shares of the largest possible loss, in steps of √2. Small stakes distinguish rates that differ
    /// little.
    private static let stakes = (0...26).map { exp2(-Double($0) / 2) }

    private let strata: [Stratum]
    /// Weights, scaled so that the largest is 1. The largest weight bounds the possible loss, and so the stakes.
    private let weights: [Double]

    public init(_ strata: [Stratum]) {
        self.strata = strata.filter { $0.tally.accepted > 0 }
        let least = self.strata.map(\.probability).min() ?? 1
        weights = self.strata.map { least / $0.probability }
    }

    public var items: Int { strata.reduce(0) { $0 + $1.tally.accepted } }
    public var disagreements: Int { strata.reduce(0) { $0 + $1.tally.disagreements } }

    /// Hájek's estimator; NaN if nothing was drawn.
    public var value: Double {
        let sums = zip(weights, strata).reduce(into: (part: 0.0, whole: 0.0)) { sums, stratum in
            sums.part += stratum.0 * Double(stratum.1.tally.disagreements)
            sums.whole += stratum.0 * Double(stratum.1.tally.accepted)
        }
        return sums.part / sums.whole
    }

    /// An interval that covers the rate with `confidence`, at all times simultaneously.
    public func interval(confidence: Double) -> ClosedRange<Double> {
        let limit = log(2 / (1 - confidence))
        let low = Self.border { capital(againstAtMost: $0) < limit }
        let high = Self.border { capital(againstAtLeast: $0) >= limit }
        // In a small sample, rounding may swap the two ends.
        return min(low, high)...max(low, high)
    }

    /// The logarithm of the capital of a bet that the rate is above `limit`, with an initial capital of 1. If the rate
    /// is not above `limit`, the capital is a supermartingale that begins at 1.
    public func evidence(above limit: Double) -> Double { capital(againstAtMost: limit) }

    /// Returns whether the rate is above `limit`. The probability that this is ever wrong is at most `1 - confidence`.
    public func exceeds(_ limit: Double, confidence: Double) -> Bool {
        capital(againstAtMost: limit) >= -log(1 - confidence)
    }

    /// The logarithm of the capital of a bet that the true rate is above `rate`. It falls as `rate` grows.
    private func capital(againstAtMost rate: Double) -> Double {
        guard rate > 0 else { return disagreements > 0 ? .infinity : 0 }
        return mixture { stake, weight in (1 - stake * weight + stake * weight / rate, 1 - stake * weight) }
    }

    /// The logarithm of the capital of a bet that the true rate is below `rate`. It grows with `rate`.
    private func capital(againstAtLeast rate: Double) -> Double {
        guard rate < 1 else { return items > disagreements ? .infinity : 0 }
        return mixture { stake, weight in (1 - stake * weight, 1 + stake * weight * rate / (1 - rate)) }
    }

    /// Returns the logarithm of the mean capital over all stakes.
    /// - Parameter factors: what an item that disagrees, and an item that agrees, multiply the capital by.
    private func mixture(_ factors: (_ stake: Double, _ weight: Double) -> (Double, Double)) -> Double {
        let logarithms = Self.stakes.map { stake in
            zip(weights, strata).reduce(0.0) { sum, stratum in
                let (worse, better) = factors(stake, stratum.0)
                let tally = stratum.1.tally
                return sum + Self.power(worse, tally.disagreements)
                    + Self.power(better, tally.accepted - tally.disagreements)
            }
        }
        guard let largest = logarithms.max(), largest.isFinite else { return logarithms.max() ?? 0 }
        return largest + log(logarithms.reduce(0) { $0 + exp($1 - largest) } / Double(logarithms.count))
    }

    /// The logarithm of `factor` to the power of `count`; 0 for a count of 0, even if the factor is 0.
    private static func power(_ factor: Double, _ count: Int) -> Double {
        count > 0 ? Double(count) * log(max(factor, 0)) : 0
    }

    /// Finds by bisection the value from 0 to 1 above which `holds` is true.
    private static func border(_ holds: (Double) -> Bool) -> Double {
        guard !holds(0) else { return 0 }
        var (low, high) = (0.0, 1.0)
        for _ in 0..<50 {
            let middle = (low + high) / 2
            if holds(middle) { high = middle } else { low = middle }
        }
        return high
    }
}

/// The promise of a certificate: at most a share `alpha` of the accepted answers differs from the full model's. The
/// probability that a draw of calibration items yields a certificate that breaks its promise is at most `delta`.
public struct Promise: Sendable, Equatable {
    public let alpha: Double
    public let delta: Double
    /// `Certificate.tieShare`: how the items are compared.
    public let tieShare: Double

    /// - Parameters:
    ///   - agreement: 1 - α
    ///   - confidence: 1 - δ
    /// - Returns: `nil` unless both lie between 0 and 1.
    public init?(agreement: Double, confidence: Double, tieShare: Double = 1) {
        guard agreement > 0, agreement < 1, confidence > 0, confidence < 1 else { return nil }
        // 1 - 0.99 is slightly more than 0.01 in floating point.
        alpha = ((1 - agreement) * 1e9).rounded() / 1e9
        delta = ((1 - confidence) * 1e9).rounded() / 1e9
        self.tieShare = tieShare
    }

    var confidence: Double { 1 - delta }

    func isKept(_ tally: Tally) -> Bool {
        ClopperPearson.isBelow(alpha, tally.disagreements, of: tally.accepted, confidence: confidence)
    }
}
