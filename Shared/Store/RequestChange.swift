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

    public init(
        request: Request.ID, state: RequestSnapshot.State? = nil, error: String? = nil, isCostFinal: Bool = true,
        newSteps: [Step] = [], updatedSteps: [Step] = [], entries: [LedgerEntry] = [], progressedAt: Timestamp
    ) {
        self.request = request
        self.state = state
        self.error = error
        self.isCostFinal = isCostFinal
        self.newSteps = newSteps
        self.updatedSteps = updatedSteps
        self.entries = entries
        self.progressedAt = progressedAt
    }
}
