import Contracts

/// What a transition wants written for one request, in the transaction that read it.
public struct RequestChange: Sendable, Equatable {
    public var request: Request.ID
    /// `nil` leaves the state as it is.
    public var state: RequestSnapshot.State?
    public var error: String?
    /// Where the request becomes final: `false` when work was under way that may still cost something.
    public var isCostFinal: Bool
    /// Steps that a settled routing added to the plan.
    public var newSteps: [Step]
    /// Steps whose state, answers or error changed.
    public var updatedSteps: [Step]
    /// Rows that are there already, by (step, number), stay as they are.
    public var entries: [LedgerEntry]
    public var progressedAt: Timestamp
    /// Where the change only repeats emissions of a request that made no progress: when they may be repeated again.
    public var redriveAt: Timestamp?
    /// Emissions to be kept until the broker has acknowledged them; only for what no record from a topic brings about.
    public var owed: [OwedEmission.Kind]

    public init(
        request: Request.ID, state: RequestSnapshot.State? = nil, error: String? = nil, isCostFinal: Bool = true,
        newSteps: [Step] = [], updatedSteps: [Step] = [], entries: [LedgerEntry] = [],
        progressedAt: Timestamp, redriveAt: Timestamp? = nil, owed: [OwedEmission.Kind] = []
    ) {
        self.request = request
        self.state = state
        self.error = error
        self.isCostFinal = isCostFinal
        self.newSteps = newSteps
        self.updatedSteps = updatedSteps
        self.entries = entries
        self.progressedAt = progressedAt
        self.redriveAt = redriveAt
        self.owed = owed
    }
}
