import Contracts

/// An attempt of a step, with its price: one row of the ledger.
public struct LedgerEntry: Sendable, Equatable {
    public var step: Step.ID
    public var tenant: TenantID
    public var route: Route
    public var attempt: Attempt
    public var cost: PicoDollars
    /// What the full model alone would have cost for the items that were answered, asked item by item.
    public var counterfactualCost: PicoDollars
    /// The same, asked once for the whole request: this call's part of it.
    public var onceCost: PicoDollars
    /// Of a call of the full model: items of which the small model's answer is known, and of which it is the same.
    public var guesses = Guesses()

    public struct Guesses: Sendable, Equatable {
        public var known = 0
        public var agreed = 0

        public init(known: Int = 0, agreed: Int = 0) { (self.known, self.agreed) = (known, agreed) }
    }

    public init(
        step: Step.ID, tenant: TenantID, route: Route, attempt: Attempt, cost: PicoDollars,
        counterfactualCost: PicoDollars, onceCost: PicoDollars = .zero
    ) {
        self.step = step
        self.tenant = tenant
        self.route = route
        self.attempt = attempt
        self.cost = cost
        self.counterfactualCost = counterfactualCost
        self.onceCost = onceCost
    }
}
