import Glibc

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
