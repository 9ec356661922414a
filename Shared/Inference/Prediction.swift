/// What a model says of one text.
public struct Prediction: Sendable, Equatable {
    /// Of a multi-label head the labels joined by "," in the head's order; `none` when none passes.
    public var label: String
    /// - Source: infra/models/README.md, From logits to an answer
    public var confidence: Double
    /// Whether `confidence` reaches the head's calibrated threshold; false when there is none.
    public var isSure: Bool
    /// After truncation, `[CLS]` and `[SEP]` included.
    public var inputTokens: Int
    /// Matrix products of this text, 2 a multiply-add.
    public var flops: Int64

    public init(label: String, confidence: Double, isSure: Bool, inputTokens: Int, flops: Int64) {
        self.label = label
        self.confidence = confidence
        self.isSure = isSure
        self.inputTokens = inputTokens
        self.flops = flops
    }
}
