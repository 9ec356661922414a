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

/// What makes two requests the same: an integrator's id is unique within its tenant.
public struct EventKey: Hashable, Comparable, Sendable {
    public let tenant: TenantID
    public let eventID: EventID

    public init(tenant: TenantID, eventID: EventID) {
        self.tenant = tenant
        self.eventID = eventID
    }

    public static func < (left: EventKey, right: EventKey) -> Bool {
        (left.tenant, left.eventID) < (right.tenant, right.eventID)
    }

    public init(_ snapshot: RequestSnapshot) { self.init(tenant: snapshot.tenant, eventID: snapshot.eventID) }
}

/// The first 16 bytes of the SHA-256 of a request's body: what tells two bodies apart.
public struct BodyDigest: Sendable, Hashable {
    public let value: UInt128

    public init(value: UInt128) { self.value = value }
}

/// Where a request came from, and with which body. By it the store tells a redelivery from a copy, and both from another
/// request under the same id.
public struct Origin: Sendable, Hashable {
    /// `nil` of a request that was stored without one: any body is taken for its own.
    public var digest: BodyDigest?
    /// A number of the record's place in its topic, or of the row in which it waited. `nil` of a request that was stored
    /// without one: any place is taken for its own.
    public var place: Int64?

    public init(digest: BodyDigest? = nil, place: Int64? = nil) {
        self.digest = digest
        self.place = place
    }

    /// What another delivery under the same id is to a request that was accepted from here.
    package func kind(of other: Origin) -> Acceptance.Kind {
        if let digest, let otherDigest = other.digest, digest != otherDigest { return .reused }
        guard let place, let otherPlace = other.place else { return .redelivered }
        return place == otherPlace ? .redelivered : .copy
    }
}

/// What became of a request under its event id.
public struct Acceptance: Sendable, Equatable {
    public enum Kind: Sendable {
        /// It is stored.
        case new
        /// It was stored before, from the same place: the broker has delivered it again.
        case redelivered
        /// It was stored before, from another place: somebody has sent it again.
        case copy
        /// The id belongs to a request with another body.
        case reused
    }

    public var kind: Kind
    /// What the store holds under the event id.
    public var snapshot: RequestSnapshot

    public init(_ kind: Kind, _ snapshot: RequestSnapshot) {
        self.kind = kind
        self.snapshot = snapshot
    }
}

/// A request that is over its tenant's share, offered to the store to be kept until its turn.
public struct Parking: Sendable, Equatable {
    public enum Verdict: Sendable, Equatable {
        /// It is kept, or was before.
        case waits
        /// There was no room to keep it.
        case refused
        /// Another request waits or was accepted under its id, with another body.
        case reused
        /// It was accepted before, from the same place.
        case redelivered(RequestSnapshot)
    }

    public var submission: Submission
    public var digest: BodyDigest?
    /// Whether so many wait that no other is kept.
    public var isRefused: Bool

    public init(_ submission: Submission, digest: BodyDigest? = nil, isRefused: Bool = false) {
        self.submission = submission
        self.digest = digest
        self.isRefused = isRefused
    }

    package var origin: Origin { Origin(digest: digest, place: submission.place) }
}
