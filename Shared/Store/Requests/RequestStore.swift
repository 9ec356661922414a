import Contracts

/// Stores the state of requests. Every method is one transaction and safe to repeat.
public protocol RequestStore: Sendable {
    /// Stores arrivals with their first ledger rows, unless their (tenant, event id) is known.
    /// - Returns: what the store now holds, in the given order: the arrival, or the earlier request with the same event
    ///   id. The earlier request may be an arrival of the same call.
    /// - Throws: `StoreError`, retriable while the database is unavailable.
    func accept(_ arrivals: [Arrival]) async throws -> [Acceptance]

    /// Looks up event ids without storing anything. Used before planning if that costs more than the look-up.
    /// - Returns: what the store holds, in the given order; `nil` for an unknown id.
    func known(_ events: [(key: EventKey, origin: Origin)]) async throws -> [Acceptance?]

    /// Locks and reads the requests, passes them to `transition` and writes the changes that it returns.
    /// Unknown requests are not passed to it. If a change makes a request final, or adds to the ledger of a final
    /// request, the ledger is summed. The cost in the result is set when the request becomes final.
    /// - Returns: the known requests as they are afterwards, in ascending order of id.
    /// - Throws: `StoreError`, or the error that `transition` throws. Nothing is written in the latter case.
    func update(
        _ requests: [Request.ID], _ transition: @escaping @Sendable ([RequestSnapshot]) throws -> [RequestChange]
    ) async throws -> [RequestSnapshot]

    /// Open requests whose deadline has passed at `time`, the longest overdue first, at most `limit`.
    func pastDeadline(at time: Timestamp, limit: Int) async throws -> [Request.ID]

    /// Open requests that have made no progress since `since` (in the bulk lane, since `bulkSince`) and whose next
    /// re-drive is due at `now`. The oldest come first, at most `limit`.
    func stalled(now: Timestamp, since: Timestamp, bulkSince: Timestamp, limit: Int) async throws -> [Request.ID]

    /// Postpones the next re-drive of stalled requests until `instant`. Progress ends the postponement.
    func postponeRedrive(of requests: [Request.ID], until instant: Timestamp) async throws

    /// Marks calls that were started longer ago than `age` and never settled as `unknown`. They keep their reserved
    /// price, since their process died and no one asks for the step again. The age is measured by the store's clock,
    /// which also set the start of the calls.
    /// - Returns: the requests whose ledger changed, at most `limit`.
    func abandonCalls(olderThan age: Duration, limit: Int) async throws -> [Request.ID]

    /// The prices of all time, including future ones, newest first for each model.
    func prices() async throws -> [Price]
}

/// Called once for each request that becomes final, after the transaction is committed.
public typealias FinalRequestObserver = @Sendable (RequestSnapshot) -> Void

/// A request to store, in the state that decomposition gave it.
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

/// The price of a model's tokens, valid from a point in time.
public struct Price: Sendable, Equatable {
    public var model: String
    /// - Units: pico-USD per token.
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

/// The changes that a transition makes to one request. They are written in the transaction that read the request.
public struct RequestChange: Sendable, Equatable {
    public var request: Request.ID
    /// `nil` leaves the state unchanged.
    public var state: RequestSnapshot.State?
    public var error: String?
    /// Whether the cost is complete when the request becomes final. It is `false` if a step that was given up may still
    /// be computed by a worker.
    public var isCostFinal: Bool
    /// Steps that a settled routing step added to the plan.
    public var newSteps: [Step]
    /// Steps whose state, answers or error changed.
    public var updatedSteps: [Step]
    /// Ledger rows to add. Rows whose (step, number) exists are not changed.
    public var entries: [LedgerEntry]
    public var progressedAt: Timestamp
    /// If the change only repeats emissions of a request without progress: the earliest time at which they may be
    /// repeated again.
    public var redriveAt: Timestamp?
    /// Emissions to store until the broker acknowledges them. Used only by background jobs: work that a record has
    /// caused is emitted again when the record is redelivered.
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

/// Identifies a request: an integrator's id is unique within its tenant.
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

/// The first 16 bytes of the SHA-256 of a request's body, used to compare bodies.
public struct BodyDigest: Sendable, Hashable {
    public let value: UInt128

    public init(value: UInt128) { self.value = value }
}

/// The place and body digest of a request. The store uses them to distinguish a redelivery, a copy, and a different
/// request with the same id.
public struct Origin: Sendable, Hashable {
    /// `nil` if the request was stored without a digest. It then matches any body.
    public var digest: BodyDigest?
    /// A number for the record's place in its topic, or for the row in which the request waited. `nil` if the request
    /// was stored without a place. It then matches any place.
    public var place: Int64?

    public init(digest: BodyDigest? = nil, place: Int64? = nil) {
        self.digest = digest
        self.place = place
    }

    /// Classifies another delivery with the same id, relative to the request that was accepted from this origin.
    package func kind(of other: Origin) -> Acceptance.Kind {
        if let digest, let otherDigest = other.digest, digest != otherDigest { return .reused }
        guard let place, let otherPlace = other.place else { return .redelivered }
        return place == otherPlace ? .redelivered : .copy
    }
}

/// The result of accepting a request.
public struct Acceptance: Sendable, Equatable {
    public enum Kind: Sendable {
        /// The request was stored by this call.
        case new
        /// The request was already stored from the same place: the broker has delivered the record again.
        case redelivered
        /// The request was already stored from another place: the integrator has sent it again.
        case copy
        /// The id belongs to a request with a different body.
        case reused
    }

    public var kind: Kind
    /// The request that the store holds under the event id.
    public var snapshot: RequestSnapshot

    public init(_ kind: Kind, _ snapshot: RequestSnapshot) {
        self.kind = kind
        self.snapshot = snapshot
    }
}

/// A request that exceeds its tenant's share, and is therefore to wait in the store until its turn comes.
public struct Parking: Sendable, Equatable {
    public enum Verdict: Sendable, Equatable {
        /// The request waits in the store, now or from before.
        case waits
        /// There was no room to store it.
        case refused
        /// A request with the same id and a different body waits or was accepted.
        case reused
        /// The request was already accepted from the same place.
        case redelivered(RequestSnapshot)
    }

    public var submission: Submission
    public var digest: BodyDigest?
    /// Whether the request is refused because too many requests wait.
    public var isRefused: Bool

    public init(_ submission: Submission, digest: BodyDigest? = nil, isRefused: Bool = false) {
        self.submission = submission
        self.digest = digest
        self.isRefused = isRefused
    }

    package var origin: Origin { Origin(digest: digest, place: submission.place) }
}
