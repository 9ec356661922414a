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

/// A rate of disagreement, as a sample tells it: each item was drawn with a known probability, whose inverse is its weight.
///
/// Interval and verdict hold at whatever time, and however often, one looks: they come from a bet whose capital grows only
/// if the rate is another one. A mixture of fixed stakes needs nothing but counts.
/// - Source: Estimating means of bounded random variables by betting, arXiv:2010.09686, section 4
public struct SampledRate: Sendable {
    /// Of items that were drawn with one probability.
    public struct Stratum: Sendable {
        var probability: Double
        var tally: Tally

        public init(probability: Double, tally: Tally) { (self.probability, self.tally) = (probability, tally) }
    }

    /// Of what a bet has at most to lose, by steps of √2: small ones tell apart rates that differ little.
    private static let stakes = (0...26).map { exp2(-Double($0) / 2) }

    private let strata: [Stratum]
    /// Weights, of which the largest is 1: a stake is bounded by what can be lost with the largest.
    private let weights: [Double]

    public init(_ strata: [Stratum]) {
        self.strata = strata.filter { $0.tally.accepted > 0 }
        let least = self.strata.map(\.probability).min() ?? 1
        weights = self.strata.map { least / $0.probability }
    }

    public var items: Int { strata.reduce(0) { $0 + $1.tally.accepted } }
    public var disagreements: Int { strata.reduce(0) { $0 + $1.tally.disagreements } }

    /// Hájek's estimator; not a number where nothing was drawn.
    public var value: Double {
        let sums = zip(weights, strata).reduce(into: (part: 0.0, whole: 0.0)) { sums, stratum in
            sums.part += stratum.0 * Double(stratum.1.tally.disagreements)
            sums.whole += stratum.0 * Double(stratum.1.tally.accepted)
        }
        return sums.part / sums.whole
    }

    /// Covers the rate with `confidence`, at all times at once.
    public func interval(confidence: Double) -> ClosedRange<Double> {
        let limit = log(2 / (1 - confidence))
        let low = Self.border { capital(againstAtMost: $0) < limit }
        let high = Self.border { capital(againstAtLeast: $0) >= limit }
        // Where the sample is small both may meet by rounding.
        return min(low, high)...max(low, high)
    }

    /// The logarithm of what a bet on a rate above `limit` has made of 1. While the rate is not above `limit`, the capital is a
    /// supermartingale that begins at 1.
    public func evidence(above limit: Double) -> Double { capital(againstAtMost: limit) }

    /// Whether the rate is above `limit`. With at most `1 - confidence` this is ever said of one that is not.
    public func exceeds(_ limit: Double, confidence: Double) -> Bool {
        capital(againstAtMost: limit) >= -log(1 - confidence)
    }

    /// The logarithm of what a bet on more than `rate` has made of 1. It falls as the rate grows.
    private func capital(againstAtMost rate: Double) -> Double {
        guard rate > 0 else { return disagreements > 0 ? .infinity : 0 }
        return mixture { stake, weight in (1 - stake * weight + stake * weight / rate, 1 - stake * weight) }
    }

    /// The logarithm of what a bet on less than `rate` has made of 1. It grows with the rate.
    private func capital(againstAtLeast rate: Double) -> Double {
        guard rate < 1 else { return items > disagreements ? .infinity : 0 }
        return mixture { stake, weight in (1 - stake * weight, 1 + stake * weight * rate / (1 - rate)) }
    }

    /// - Parameter factors: of one item that disagrees, and of one that agrees.
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

    /// The logarithm of a factor as often as that; of nothing it is 0, even where all is lost.
    private static func power(_ factor: Double, _ count: Int) -> Double {
        count > 0 ? Double(count) * log(max(factor, 0)) : 0
    }

    /// Where a condition that holds above some rate begins to hold.
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

/// What a certificate promises: of the answers that are accepted at most `alpha` differ from the full model's, and that
/// holds but for a probability of `delta` over the drawing of the calibration items.
public struct Promise: Sendable, Equatable {
    public let alpha: Double
    public let delta: Double
    /// `Certificate.equalFrom`: what the items are to be compared by.
    public let equalFrom: Double

    /// - Parameters:
    ///   - agreement: 1 - α
    ///   - confidence: 1 - δ
    /// - Returns: `nil` unless both lie between 0 and 1.
    public init?(agreement: Double, confidence: Double, equalFrom: Double = 1) {
        guard agreement > 0, agreement < 1, confidence > 0, confidence < 1 else { return nil }
        // 1 - 0.99 is a little more than 0.01.
        alpha = ((1 - agreement) * 1e9).rounded() / 1e9
        delta = ((1 - confidence) * 1e9).rounded() / 1e9
        self.equalFrom = equalFrom
    }

    var confidence: Double { 1 - delta }

    func isKept(_ tally: Tally) -> Bool {
        ClopperPearson.isBelow(alpha, tally.disagreements, of: tally.accepted, confidence: confidence)
    }
}
