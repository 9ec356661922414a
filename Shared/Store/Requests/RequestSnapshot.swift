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
    /// Whether its tenant has topics of its own: then its result goes there and nowhere else.
    public var hasOwnTopics: Bool
    public var state: State
    /// One clear sentence where the request was not answered.
    public var error: String?
    /// When to send a rejected request again. Not stored, for such a request is not stored either.
    public var retryAfterSeconds: Int?
    public var acceptedAt: Timestamp
    public var deadline: Timestamp?
    /// When it became final; `nil` while it is open.
    public var completedAt: Timestamp?
    /// When the payload of its steps was erased.
    public var erasedAt: Timestamp?
    /// When the last emission for it was derived, so that what makes no progress is found.
    public var progressedAt: Timestamp
    /// How often its emissions were repeated since it last made progress.
    public var redrives = 0
    /// Not before this instant they are repeated again.
    public var redriveAt: Timestamp?
    /// W3C trace context of the integrator, handed on at every hop.
    public var traceparent: String?
    public var steps: [Step]
    /// The sum of its ledger rows, kept from the moment when the request becomes final.
    public var totals: LedgerTotals
    /// What the result says of cost: decided once, when the request becomes final. `nil` while it is open.
    public var resultCost: ResultCost?

    public init(
        id: Request.ID, tenant: TenantID, eventID: EventID, channel: Request.Channel?, state: State,
        error: String? = nil, acceptedAt: Timestamp, deadline: Timestamp? = nil, progressedAt: Timestamp,
        traceparent: String? = nil, lane: Lane = .interactive, hasOwnTopics: Bool = false,
        steps: [Step] = [], totals: LedgerTotals = .zero
    ) {
        self.id = id
        self.tenant = tenant
        self.eventID = eventID
        self.channel = channel
        self.lane = lane
        self.hasOwnTopics = hasOwnTopics
        self.state = state
        self.error = error
        self.acceptedAt = acceptedAt
        self.deadline = deadline
        self.progressedAt = progressedAt
        self.traceparent = traceparent
        self.steps = steps
        self.totals = totals
    }

    /// Whether the steps that the result was made of are gone: erased, or past retention.
    public var isErased: Bool {
        if erasedAt != nil { return true }
        guard state.isFinal, state != .rejected, steps.isEmpty, let completedAt else { return false }
        // A request that was cancelled before it was planned never had steps.
        return state != .cancelled || completedAt != acceptedAt
    }
}

/// The cost that a result gives.
public struct ResultCost: Sendable, Equatable {
    public var totals: LedgerTotals
    /// Whether no call was open when the request became final; what such a call costs is in the ledger alone.
    public var isFinal: Bool

    public init(totals: LedgerTotals, isFinal: Bool) {
        self.totals = totals
        self.isFinal = isFinal
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
