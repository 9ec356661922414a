import Glibc

/// Exact bounds of a binomial proportion.
/// - Source: The use of confidence or fiducial limits illustrated in the case of the binomial, Biometrika 26 (1934)
public enum ClopperPearson {
    /// The one-sided upper bound of the proportion, with `confidence`.
    public static func upper(_ successes: Int, of trials: Int, confidence: Double) -> Double {
        guard successes < trials else { return 1 }
        let (a, b) = (Double(successes + 1), Double(trials - successes))
        return root { IncompleteBeta.regularized($0, a, b) - confidence }
    }

    /// The one-sided lower bound of the proportion, with `confidence`.
    public static func lower(_ successes: Int, of trials: Int, confidence: Double) -> Double {
        guard successes > 0 else { return 0 }
        return 1 - upper(trials - successes, of: trials, confidence: confidence)
    }

    /// Returns whether `upper` is at most `limit`, without computing it.
    public static func isBelow(_ limit: Double, _ successes: Int, of trials: Int, confidence: Double) -> Bool {
        guard successes < trials else { return limit >= 1 }
        return IncompleteBeta.regularized(limit, Double(successes + 1), Double(trials - successes)) >= confidence
    }

    /// The probability of at most `successes` successes.
    static func cumulative(_ successes: Int, of trials: Int, probability: Double) -> Double {
        guard successes >= 0 else { return 0 }
        guard successes < trials else { return 1 }
        return 1 - IncompleteBeta.regularized(probability, Double(successes + 1), Double(trials - successes))
    }

    /// Finds the root of an ascending function on 0 to 1, by bisection.
    private static func root(_ function: (Double) -> Double) -> Double {
        var (low, high) = (0.0, 1.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if function(middle) < 0 { low = middle } else { high = middle }
        }
        return high
    }
}

/// The regularized incomplete beta function. Binomial tails are values of it.
/// - Source: DLMF 8.17.22, the continued fraction, by Lentz's method; 8.17.4 for the other half
enum IncompleteBeta {
    /// I_x(a, b), for positive `a` and `b`.
    static func regularized(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges fast only below the mean.
        guard x <= (a + 1) / (a + b + 2) else { return 1 - regularized(1 - x, b, a) }
        let front = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x)) / a
        return front * fraction(x, a, b)
    }

    private static func fraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        let tiny = 1e-300
        func bounded(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / bounded(1 - (a + b) * x / (a + 1))
        var result = d
        for m in stride(from: 1.0, through: 10_000, by: 1) {
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / bounded(1 + even * d)
            c = bounded(1 + even / c)
            result *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / bounded(1 + odd * d)
            c = bounded(1 + odd / c)
            result *= d * c
            if abs(d * c - 1) < 1e-15 { break }
        }
        return result
    }

    private static func logGamma(_ x: Double) -> Double {
        var sign: Int32 = 0
        return lgamma_r(x, &sign)
    }
}

/// How many items a threshold accepts, and how many of them differ.
public struct Tally: Sendable, Equatable {
    public var accepted = 0
    public var disagreements = 0

    public init(accepted: Int = 0, disagreements: Int = 0) {
        self.accepted = accepted
        self.disagreements = disagreements
    }

    /// The share of accepted items that differ; 0 if none is accepted.
    public var rate: Double { accepted > 0 ? Double(disagreements) / Double(accepted) : 0 }

    /// Returns one tally for each threshold, in order.
    /// - Parameter thresholds: thresholds of the model's own confidence, descending.
    public static func counts(_ observations: [Observation], at thresholds: [Double]) -> [Tally] {
        let ranked = observations.sorted { $0.confidence > $1.confidence }
        var tally = Tally()
        return thresholds.map { threshold in
            while tally.accepted < ranked.count, ranked[tally.accepted].confidence >= threshold {
                if !ranked[tally.accepted].agrees { tally.disagreements += 1 }
                tally.accepted += 1
            }
            return tally
        }
    }
}
