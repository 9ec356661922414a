/// Exponential waiting with full jitter, so that instances do not come back all at once.
/// - Source: AWS Architecture Blog, "Exponential Backoff and Jitter"
public struct Backoff: Sendable {
    private let first: Duration
    private let most: Duration
    private var exponent = 0

    public init(first: Duration = .milliseconds(50), most: Duration = .seconds(5)) {
        self.first = first
        self.most = most
    }

    public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = min(most, first * (1 << min(exponent, 20)))
        exponent += 1
        return ceiling * Double.random(in: 0.5...1, using: &generator)
    }
}
