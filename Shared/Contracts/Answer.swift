/// What a model said of one item.
public struct Answer: Sendable, Equatable {
    public enum DecidedBy: String, Sendable {
        /// The capability's small model was sure.
        case worker
        /// It was not; the full model answered.
        case full
    }

    /// A label; for `decomposition/route` the routes in their order joined by a comma, or `none`.
    public var label: String
    /// Calibrated probability of the label.
    public var confidence: Double
    public var decidedBy: DecidedBy
    /// `name@version`
    public var model: String
    /// Whether the small model was not sure, and answers only as there is no budget left for the full one.
    public var isDegraded: Bool
    /// Whether the item is longer than what the model reads of it: the rest was not looked at.
    public var isTruncated: Bool

    public init(
        label: String, confidence: Double, decidedBy: DecidedBy, model: String, isDegraded: Bool = false,
        isTruncated: Bool = false
    ) {
        self.label = label
        self.confidence = confidence
        self.decidedBy = decidedBy
        self.model = model
        self.isDegraded = isDegraded
        self.isTruncated = isTruncated
    }

    /// The router's word for an item that no capability fits.
    public static let noRoute = "none"
}
