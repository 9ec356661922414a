import Glibc

/// Exact bounds of a binomial proportion.
/// - Source: The use of confidence or fiducial limits illustrated in the case of the binomial, Biometrika 26 (1934)
public enum ClopperPearson {
    /// What the proportion does not exceed with `confidence`, one-sided.
    public static func upper(_ successes: Int, of trials: Int, confidence: Double) -> Double {
        guard successes < trials else { return 1 }
        let (a, b) = (Double(successes + 1), Double(trials - successes))
        return root { IncompleteBeta.regularized($0, a, b) - confidence }
    }

    /// What the proportion does not fall below with `confidence`, one-sided.
    public static func lower(_ successes: Int, of trials: Int, confidence: Double) -> Double {
        guard successes > 0 else { return 0 }
        return 1 - upper(trials - successes, of: trials, confidence: confidence)
    }

    /// Whether `upper` is at most `limit`, without looking for it.
    public static func isBelow(_ limit: Double, _ successes: Int, of trials: Int, confidence: Double) -> Bool {
        guard successes < trials else { return limit >= 1 }
        return IncompleteBeta.regularized(limit, Double(successes + 1), Double(trials - successes)) >= confidence
    }

    /// The probability of at most `successes`.
    static func cumulative(_ successes: Int, of trials: Int, probability: Double) -> Double {
        guard successes >= 0 else { return 0 }
        guard successes < trials else { return 1 }
        return 1 - IncompleteBeta.regularized(probability, Double(successes + 1), Double(trials - successes))
    }

    /// Of an ascending function on 0 to 1, by halving.
    private static func root(_ function: (Double) -> Double) -> Double {
        var (low, high) = (0.0, 1.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if function(middle) < 0 { low = middle } else { high = middle }
        }
        return high
    }
}
