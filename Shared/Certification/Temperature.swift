import Glibc

/// Makes a confidence a probability of agreeing: its log-odds are divided by one number.
///
/// Ranks stay as they are, so that a threshold of the calibrated confidence is one of the model's own, too.
/// - Source: On calibration of modern neural networks, ICML 2017
public struct Temperature: Sendable, Equatable {
    public let value: Double

    private static let range = -3.0...3.0

    init(_ value: Double) { self.value = value }

    /// Least log loss over `observations`, within e⁻³ to e³.
    init(fitting observations: [Observation]) {
        let samples = observations.map { ($0.agrees ? 1.0 : -1.0) * Self.logOdds($0.confidence) }
        func loss(_ logarithm: Double) -> Double {
            let slope = exp(-logarithm)
            return samples.reduce(0) { $0 + log1p(exp(-abs($1 * slope))) + max(0, -$1 * slope) }
        }
        value = exp(Self.least(of: loss))
    }

    /// The probability that the answer agrees.
    public func calibrated(_ confidence: Double) -> Double { Self.sigmoid(Self.logOdds(confidence) / value) }

    /// The model's own confidence that `calibrated` makes a probability of.
    public func confidence(of calibrated: Double) -> Double { Self.sigmoid(Self.logOdds(calibrated) * value) }

    static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// Of what lies within a billionth of 0 or 1, as if it lay there.
    private static func logOdds(_ probability: Double) -> Double {
        let bounded = min(max(probability, 1e-9), 1 - 1e-9)
        return log(bounded / (1 - bounded))
    }

    /// Golden-section search; log loss has one minimum.
    private static func least(of function: (Double) -> Double) -> Double {
        let ratio = (5.0.squareRoot() - 1) / 2
        var (low, high) = (range.lowerBound, range.upperBound)
        var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
        var (leftValue, rightValue) = (function(left), function(right))
        while high - low > 1e-4 {
            if leftValue <= rightValue {
                (high, right, rightValue) = (right, left, leftValue)
                left = high - ratio * (high - low)
                leftValue = function(left)
            } else {
                (low, left, leftValue) = (left, right, rightValue)
                right = low + ratio * (high - low)
                rightValue = function(right)
            }
        }
        return (low + high) / 2
    }
}
