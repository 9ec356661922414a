import Glibc

/// Converts a confidence to a probability of agreement, by dividing its log-odds by one number.
///
/// The ranking stays the same, so a threshold of the calibrated confidence is also a threshold of the model's own.
/// - Source: On calibration of modern neural networks, ICML 2017
public struct Temperature: Sendable, Equatable {
    public let value: Double

    private static let range = -3.0...3.0

    init(_ value: Double) { self.value = value }

    /// Minimizes the log loss over `observations`, within e⁻³ to e³. A few items that all agree do not make the result
    /// certain.
    /// - Source: Probabilistic outputs for support vector machines (Platt 1999), section 2.2, for the targets
    init(fitting observations: [Observation]) {
        let agreeing = Double(observations.count(where: \.agrees))
        let targets = (
            agrees: (agreeing + 1) / (agreeing + 2), differs: 1 / (Double(observations.count) - agreeing + 2)
        )
        let samples = observations.map {
            (score: Self.logOdds($0.confidence), target: $0.agrees ? targets.agrees : targets.differs)
        }
        func loss(_ logarithm: Double) -> Double {
            let slope = exp(-logarithm)
            return samples.reduce(0) { sum, sample in
                let z = sample.score * slope
                return sum + log1p(exp(-abs(z))) + max(0, z) - sample.target * z
            }
        }
        value = exp(Self.least(of: loss))
    }

    /// Returns the probability that the answer agrees.
    public func calibrated(_ confidence: Double) -> Double { Self.sigmoid(Self.logOdds(confidence) / value) }

    /// The inverse of `calibrated`. The result is bounded to what floating point can distinguish from 1.
    public func confidence(of calibrated: Double) -> Double {
        Self.bounded(Self.sigmoid(Self.logOdds(calibrated) * value))
    }

    static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// Values within a billionth of 0 or 1 are clamped.
    private static func logOdds(_ probability: Double) -> Double {
        let probability = bounded(probability)
        return log(probability / (1 - probability))
    }

    private static func bounded(_ probability: Double) -> Double { min(max(probability, 1e-9), 1 - 1e-9) }

    /// Golden-section search. The log loss has one minimum.
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
