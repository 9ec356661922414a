import Contracts

/// What a certifier has found.
public enum Finding: Sendable, Equatable {
    case certified(Certified)
    case refused(Refusal)
}

/// A threshold that keeps the promise, and on what that rests.
public struct Certified: Sendable, Equatable {
    public var temperature: Double
    /// Of the calibrated confidence.
    public var threshold: Double
    /// The same threshold of the model's own confidence.
    public var sureFrom: Double
    /// Items that the temperature was fitted on; the bound never saw them.
    public var fitted: Int
    /// Items that the bound rests on, the accepted ones among them.
    public var items: Int
    public var tally: Tally
    /// What the share of disagreements does not exceed.
    public var bound: Double
    /// `nil` unless every item has a label.
    public var accuracyLoss: Certificate.AccuracyLoss?
}

/// No threshold keeps the promise, as far as these items can show.
public struct Refusal: Sendable, Equatable {
    public var fitted: Int
    public var items: Int
    /// Where the sequence began, and ended at once: of the calibrated confidence.
    public var threshold: Double
    public var tally: Tally
    public var bound: Double
    /// About how many items would do, at the threshold that takes least; `nil` where no threshold seems to be good enough.
    public var itemsNeeded: Int?
}
