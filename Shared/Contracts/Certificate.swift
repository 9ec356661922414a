/// A dated statement: at this threshold what the small model answers agrees with the full model in at least 1 - α of
/// cases, and that holds with confidence 1 - δ.
///
/// It holds for one pair of model versions and no other.
public struct Certificate: Sendable, Equatable {
    /// A share and its 95% interval.
    public struct Estimate: Sendable, Equatable {
        public var value: Double
        public var low: Double
        public var high: Double

        public init(value: Double, low: Double, high: Double) {
            self.value = value
            self.low = low
            self.high = high
        }
    }

    /// What labels told besides.
    public struct AccuracyLoss: Sendable, Equatable {
        /// Accepted items that only the full model had right.
        public var lost: Int
        /// Accepted items that only the small model had right.
        public var gained: Int
        /// What the share of `lost` does not exceed, hence what accuracy does not lose, with confidence 1 - δ.
        public var bound: Double

        public init(lost: Int, gained: Int, bound: Double) {
            self.lost = lost
            self.gained = gained
            self.bound = bound
        }
    }

    /// The file that the calibration items came from.
    public struct Source: Sendable, Equatable {
        public var file: String
        /// Lower-case hexadecimal.
        public var sha256: String

        public init(file: String, sha256: String) {
            self.file = file
            self.sha256 = sha256
        }
    }

    public var id: ID
    public var route: Route
    /// As `name@version`.
    public var smallModel: String
    public var fullModel: String
    public var alpha: Double
    public var delta: Double
    /// A label counts as the full model's answer where that gives it at least this share of its best label's
    /// probability; 1 where only the best counts.
    public var equalFrom: Double
    /// Of the calibration that `threshold` is a confidence of.
    public var temperature: Double
    public var threshold: Double
    /// `threshold` as a confidence of the small model's own: what a worker compares with.
    public var sureFrom: Double
    /// Items that the calibration was fitted on; the bound never saw them.
    public var fitted: Int
    /// Items that the bound rests on.
    public var items: Int
    /// Of those, how many the threshold accepts.
    public var accepted: Int
    /// Of the accepted ones, how many differ from the full model.
    public var disagreements: Int
    /// What the share of disagreements does not exceed; at most α.
    public var bound: Double
    /// The share of items that is to be expected to escalate.
    public var escalationRate: Estimate
    /// The share of the full model's operations that is to be expected to be saved.
    public var saving: Estimate
    /// `nil` where the items had no labels.
    public var accuracyLoss: AccuracyLoss?
    public var source: Source
    public var certifiedAt: Timestamp
    /// What whoever relies on it should know.
    public var note: String?

    public init(
        id: ID, route: Route, smallModel: String, fullModel: String, alpha: Double, delta: Double,
        equalFrom: Double = 1, temperature: Double,
        threshold: Double, sureFrom: Double, fitted: Int, items: Int, accepted: Int, disagreements: Int, bound: Double,
        escalationRate: Estimate, saving: Estimate, accuracyLoss: AccuracyLoss? = nil, source: Source,
        certifiedAt: Timestamp, note: String? = nil
    ) {
        self.id = id
        self.route = route
        self.smallModel = smallModel
        self.fullModel = fullModel
        self.alpha = alpha
        self.delta = delta
        self.equalFrom = equalFrom
        self.temperature = temperature
        self.threshold = threshold
        self.sureFrom = sureFrom
        self.fitted = fitted
        self.items = items
        self.accepted = accepted
        self.disagreements = disagreements
        self.bound = bound
        self.escalationRate = escalationRate
        self.saving = saving
        self.accuracyLoss = accuracyLoss
        self.source = source
        self.certifiedAt = certifiedAt
        self.note = note
    }

    public func covers(small: String, full: String) -> Bool { smallModel == small && fullModel == full }
}
