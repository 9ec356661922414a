import Contracts

/// A request and its steps as the store holds them. Every decision and every emission is derived from a snapshot.
public struct RequestSnapshot: Sendable, Equatable {
    /// `open → completed | failed | expired | cancelled`, or `rejected` on arrival. All states except `open` are final.
    public enum State: String, Sendable {
        case open, completed, rejected, failed, expired, cancelled

        public var isFinal: Bool { self != .open }
    }

    public var id: Request.ID
    public var tenant: TenantID
    public var eventID: EventID
    public var channel: Request.Channel?
    public var lane: Lane
    /// Whether the tenant has topics of its own. If so, the result is sent only to the tenant's topic.
    public var hasOwnTopics: Bool
    public var state: State
    /// One sentence for the client on why the request was not answered.
    public var error: String?
    /// How long the client of an `overloaded` request should wait before it sends the request again. Such requests are
    /// not stored, so neither is this.
    public var retryAfterSeconds: Int?
    public var acceptedAt: Timestamp
    public var deadline: Timestamp?
    /// The time at which the request became final; `nil` while it is open.
    public var completedAt: Timestamp?
    /// The time at which the payload of the steps was erased.
    public var erasedAt: Timestamp?
    /// The time of the last progress, at which the last emission was derived. Requests that have not changed for long
    /// after it are re-driven.
    public var progressedAt: Timestamp
    /// The number of re-drives since the request last made progress.
    public var redrives = 0
    /// The request is not re-driven again before this instant.
    public var redriveAt: Timestamp?
    /// The version of the catalog that accepted the request; `nil` for a request that was not accepted by one.
    public var catalogVersion: Int64?
    /// The integrator's W3C trace context, which every hop passes on.
    public var traceparent: String?
    public var steps: [Step]
    /// The sum of the request's ledger rows, maintained once the request is final.
    public var totals: LedgerTotals
    /// The cost that the result reports. It is set once, when the request becomes final, and later costs do not change
    /// it; `nil` while the request is open.
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

    /// Whether the steps from which the result was made no longer exist, because they were erased or their retention
    /// ended.
    public var isErased: Bool {
        if erasedAt != nil { return true }
        guard state.isFinal, state != .rejected, steps.isEmpty, let completedAt else { return false }
        // A request that was cancelled before it was planned never had steps.
        return state != .cancelled || completedAt != acceptedAt
    }
}

/// The cost in a result.
public struct ResultCost: Sendable, Equatable {
    public var totals: LedgerTotals
    /// Whether no call was open when the request became final. The cost of an open call is only in the ledger.
    public var isFinal: Bool

    public init(totals: LedgerTotals, isFinal: Bool) {
        self.totals = totals
        self.isFinal = isFinal
    }
}

/// Sums of ledger rows.
public struct LedgerTotals: Sendable, Equatable {
    public var usage: TokenUsage
    public var cost: PicoDollars
    /// The usage and cost of the full model alone for the same items.
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
