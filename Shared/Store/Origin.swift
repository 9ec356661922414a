import Contracts

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
