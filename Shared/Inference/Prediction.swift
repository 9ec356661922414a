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
    /// What a threshold is compared with: `confidence`, but of a text of several windows no more than its least sure window's,
    /// and 0 where a part was not read that might have changed the answer.
    public var certainty: Double
    /// Whether `certainty` reaches the head's calibrated threshold; false when there is none.
    public var isSure: Bool
    /// In the head's order; none of a multi-label head.
    public var rivals: [Rival]
    /// Of all windows, `[CLS]` and `[SEP]` of each included; pieces that two windows share count twice.
    public var inputTokens: Int
    /// Matrix products of all windows, 2 a multiply-add.
    public var flops: Int64
    /// In how many windows of one size the text was read.
    public var windows: Int
    /// Whether the text goes on behind its last window, so that a part was not read.
    public var isTruncated: Bool

    public init(
        label: String, confidence: Double, certainty: Double? = nil, isSure: Bool, rivals: [Rival] = [],
        inputTokens: Int, flops: Int64, windows: Int = 1, isTruncated: Bool = false
    ) {
        self.label = label
        self.confidence = confidence
        self.certainty = certainty ?? confidence
        self.isSure = isSure
        self.rivals = rivals
        self.inputTokens = inputTokens
        self.flops = flops
        self.windows = windows
        self.isTruncated = isTruncated
    }

    /// Whether the model holds `label` for as good as the one that it gave.
    /// - Parameter share: of the given label's probability that makes another as good; 1 where none is.
    public func accepts(_ label: String, from share: Double) -> Bool {
        label == self.label || share < 1 && rivals.contains { $0.label == label && $0.share >= share }
    }
}
