/// What a model says of one text.
public struct Prediction: Sendable, Equatable {
    /// A label that was not given.
    public struct Rival: Sendable, Equatable {
        public var label: String
        /// Its probability, as a share of the given label's: at least `Prediction.leastShare`.
        public var share: Double

        public init(label: String, share: Double) {
            self.label = label
            self.share = share
        }
    }

    /// Of the given label's probability: what has less is no rival.
    public static let leastShare = 0.1

    /// Of a multi-label head the labels joined by "," in the head's order; `none` when none passes.
    public var label: String
    /// - Source: infra/models/README.md, From logits to an answer
    public var confidence: Double
    /// Whether `confidence` reaches the head's calibrated threshold; false when there is none.
    public var isSure: Bool
    /// In the head's order; none of a multi-label head.
    public var rivals: [Rival]
    /// After truncation, `[CLS]` and `[SEP]` included.
    public var inputTokens: Int
    /// Matrix products of this text, 2 a multiply-add.
    public var flops: Int64

    public init(
        label: String, confidence: Double, isSure: Bool, rivals: [Rival] = [], inputTokens: Int, flops: Int64
    ) {
        self.label = label
        self.confidence = confidence
        self.isSure = isSure
        self.rivals = rivals
        self.inputTokens = inputTokens
        self.flops = flops
    }

    /// Whether the model holds `label` for as good as the one that it gave.
    /// - Parameter share: of the given label's probability that makes another as good; 1 where none is.
    public func accepts(_ label: String, from share: Double) -> Bool {
        label == self.label || share < 1 && rivals.contains { $0.label == label && $0.share >= share }
    }
}
