import Contracts

/// What the whole suite has in hand and has spent, as the database knows it.
public struct SuiteFigures: Sendable, Equatable {
    public struct Requests: Sendable, Equatable {
        public var open: Int
        /// Of the open ones.
        public var oldestAcceptedAt: Timestamp?
        /// Not accepted yet: they wait for their turn.
        public var waiting: Int

        public init(open: Int = 0, oldestAcceptedAt: Timestamp? = nil, waiting: Int = 0) {
            self.open = open
            self.oldestAcceptedAt = oldestAcceptedAt
            self.waiting = waiting
        }
    }

    public var requests: [Lane: Requests]
    /// What calls of each kind have cost, of everything that the ledger's sums keep.
    public var costs: [Attempt.Kind: PicoDollars]

    public init(requests: [Lane: Requests], costs: [Attempt.Kind: PicoDollars]) {
        self.requests = requests
        self.costs = costs
    }
}

/// Reads the figures of the whole suite.
public protocol SuiteFiguresSource: Sendable {
    func suiteFigures() async throws -> SuiteFigures
}
