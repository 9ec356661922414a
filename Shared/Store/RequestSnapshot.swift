import Contracts

/// A request and its steps as the store holds them: what every decision and every emission is derived from.
public struct RequestSnapshot: Sendable, Equatable {
    /// `open → completed | failed | expired | cancelled`, or `rejected` from the start; all but `open` are final.
    public enum State: String, Sendable {
        case open, completed, rejected, failed, expired, cancelled

        public var isFinal: Bool { self != .open }
    }

    public var id: Request.ID
    public var tenant: TenantID
    public var eventID: EventID
    public var channel: Request.Channel?
    public var lane: Lane
    public var state: State
    /// One clear sentence where the request was not answered.
    public var error: String?
    /// When to send a rejected request again. Not stored, for such a request is not stored either.
    public var retryAfterSeconds: Int?
    public var acceptedAt: Timestamp
    public var deadline: Timestamp?
    /// When the last emission for it was derived, so that what makes no progress is found.
    public var progressedAt: Timestamp
    /// W3C trace context of the integrator, handed on at every hop.
    public var traceparent: String?
    public var steps: [Step]
    /// The sum of its ledger rows; complete once the request is final.
    public var totals: LedgerTotals

    public init(
        id: Request.ID, tenant: TenantID, eventID: EventID, channel: Request.Channel?, state: State,
        error: String? = nil, acceptedAt: Timestamp, deadline: Timestamp? = nil, progressedAt: Timestamp,
        traceparent: String? = nil, lane: Lane = .interactive, steps: [Step] = [], totals: LedgerTotals = .zero
    ) {
        self.id = id
        self.tenant = tenant
        self.eventID = eventID
        self.channel = channel
        self.lane = lane
        self.state = state
        self.error = error
        self.acceptedAt = acceptedAt
        self.deadline = deadline
        self.progressedAt = progressedAt
        self.traceparent = traceparent
        self.steps = steps
        self.totals = totals
    }
}

/// Sums over ledger rows.
public struct LedgerTotals: Sendable, Equatable {
    public var usage: TokenUsage
    public var cost: PicoDollars
    /// What the full model alone would have consumed and cost for the same items.
    public var counterfactualUsage: TokenUsage
    public var counterfactualCost: PicoDollars

    public init(
        usage: TokenUsage, cost: PicoDollars, counterfactualUsage: TokenUsage, counterfactualCost: PicoDollars
    ) {
        self.usage = usage
        self.cost = cost
        self.counterfactualUsage = counterfactualUsage
        self.counterfactualCost = counterfactualCost
    }

    public static let zero = LedgerTotals(
        usage: .zero, cost: .zero, counterfactualUsage: .zero, counterfactualCost: .zero)
}
