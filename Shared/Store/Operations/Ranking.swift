import Contracts

/// The use of a capability's task in a period, and the part of it that the full model did.
public struct TaskUse: Sendable, Equatable {
    public var route: Route
    /// Items that a small model or the router was asked about.
    public var items: Int64
    /// Repeated calls of the full model count again.
    public var escalatedItems: Int64
    public var escalationCost: PicoDollars
    /// Escalated items for which the small model's answer is known; `agreedItems` of them have the same answer as the
    /// full model.
    public var guessedItems: Int64
    public var agreedItems: Int64
    public var isCertified: Bool

    public init(
        route: Route, items: Int64, escalatedItems: Int64, escalationCost: PicoDollars, guessedItems: Int64,
        agreedItems: Int64, isCertified: Bool
    ) {
        self.route = route
        self.items = items
        self.escalatedItems = escalatedItems
        self.escalationCost = escalationCost
        self.guessedItems = guessedItems
        self.agreedItems = agreedItems
        self.isCertified = isCertified
    }
}

/// An item that the router, or the full model in its place, assigned to no capability. Contains payload.
public struct UnroutedItem: Sendable, Equatable {
    public var request: Request.ID
    /// The index of the item in its routing step.
    public var index: Int
    public var text: String
    /// The item's share of the routing cost of its request.
    public var cost: PicoDollars
    public var flops: Int64

    public init(request: Request.ID, index: Int, text: String, cost: PicoDollars, flops: Int64) {
        self.request = request
        self.index = index
        self.text = text
        self.cost = cost
        self.flops = flops
    }
}
