import Contracts

/// Request state. Every method is one transaction, safe to repeat.
public protocol RequestStore: Sendable {
    /// Stores arrivals with their first ledger rows, unless (tenant, event id) is known already.
    /// - Returns: in the order given, what the store holds now: the arrival itself, or the earlier request of that
    ///   event id (also where two arrivals of one call share it).
    /// - Throws: `StoreError`, retriable while the database is away.
    func accept(_ arrivals: [Arrival]) async throws -> [Acceptance]

    /// What the store holds under event ids, for requests whose planning costs more than this question.
    /// - Returns: in the order given; `nil` for an id that is not known.
    func known(_ events: [(key: EventKey, origin: Origin)]) async throws -> [Acceptance?]

    /// Locks and reads the requests, lets `transition` decide, writes what it decided.
    /// Requests that are unknown are not handed to it. A change that makes a request final, or adds to the ledger of a
    /// final one, sums its ledger. The cost that the result gives is decided when the request becomes final.
    /// - Returns: what the store holds afterwards, of the known requests, in ascending order of id.
    /// - Throws: `StoreError`; whatever `transition` throws, and then nothing is written.
    func update(
        _ requests: [Request.ID], _ transition: @escaping @Sendable ([RequestSnapshot]) throws -> [RequestChange]
    ) async throws -> [RequestSnapshot]

    /// Open requests whose deadline has passed at `time`, the longest overdue first; at most `limit`.
    func pastDeadline(at time: Timestamp, limit: Int) async throws -> [Request.ID]

    /// Open requests without progress since `since`, or `bulkSince` in the bulk lane, that are not to be left alone until
    /// later; the oldest first, at most `limit`.
    func stalled(now: Timestamp, since: Timestamp, bulkSince: Timestamp, limit: Int) async throws -> [Request.ID]

    /// Leaves stalled requests alone until `instant`, or until they make progress.
    func postponeRedrive(of requests: [Request.ID], until instant: Timestamp) async throws

    /// Calls that were started longer ago than `age` and never settled become `unknown` and keep their reserved price: the
    /// process died, and nobody asks for the step again. The store's clock decides, which gave the calls their instants.
    /// - Returns: the requests whose ledger changed, at most `limit`.
    func abandonCalls(olderThan age: Duration, limit: Int) async throws -> [Request.ID]

    /// The prices of all time, also those that begin later, newest first for each model.
    func prices() async throws -> [Price]
}

/// Is given each request that a store has made final, once, after the transaction that made it so.
public typealias FinalRequestObserver = @Sendable (RequestSnapshot) -> Void

/// A request to be stored, in the state that decomposition gave it.
public struct Arrival: Sendable, Equatable {
    public var snapshot: RequestSnapshot
    public var entries: [LedgerEntry]
    public var origin: Origin

    public init(snapshot: RequestSnapshot, entries: [LedgerEntry] = [], origin: Origin = Origin()) {
        self.snapshot = snapshot
        self.entries = entries
        self.origin = origin
    }
}

/// What a model's tokens cost from an instant on.
public struct Price: Sendable, Equatable {
    public var model: String
    /// - Units: pico-USD a token.
    public var inputToken: PicoDollars
    public var outputToken: PicoDollars
    public var validFrom: Timestamp

    public init(model: String, inputToken: PicoDollars, outputToken: PicoDollars, validFrom: Timestamp) {
        self.model = model
        self.inputToken = inputToken
        self.outputToken = outputToken
        self.validFrom = validFrom
    }
}
