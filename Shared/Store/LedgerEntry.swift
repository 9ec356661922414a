import Contracts

/// An attempt of a step, with its price: one row of the ledger.
public struct LedgerEntry: Sendable, Equatable {
    public var step: Step.ID
    public var tenant: TenantID
    public var route: Route
    public var attempt: Attempt
    public var cost: PicoDollars
    public var counterfactualCost: PicoDollars

    public init(
        step: Step.ID, tenant: TenantID, route: Route, attempt: Attempt, cost: PicoDollars,
        counterfactualCost: PicoDollars
    ) {
        self.step = step
        self.tenant = tenant
        self.route = route
        self.attempt = attempt
        self.cost = cost
        self.counterfactualCost = counterfactualCost
    }
}
