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
