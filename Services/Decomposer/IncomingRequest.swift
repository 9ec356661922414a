import Contracts
import Crypto
import MessageBus
import Planning
import Store

/// A request record whose id could be read, so that it gets a result: an answer or a rejection.
struct IncomingRequest {
    let event: CloudEvent
    let tenant: TenantID
    let lane: Lane
    let origin: Origin
    private let readAt: Timestamp
    /// Whether its tenant has topics of its own.
    let hasOwnTopics: Bool
    private(set) var request: Request?
    /// Somebody has cancelled it while it waited.
    let isCancelled: Bool
    /// It comes again after a passing fault, so it has had its turn.
    let isRetried: Bool
    var rejection: ContractError?
    var decomposition: Decomposition?
    /// What the language stage cost of a request that is rejected for it.
    var refused: Attempt?

    /// - Throws: `ContractError` where no id can be read; the record is dead-lettered then.
    /// - Parameter ownTopics: says whose a request is. On a topic of one tenant's own it is this tenant's, and a `ce_authid`
    ///   that names another one is an error. From a shared topic nobody gets in under the name of a tenant that has topics of
    ///   its own.
    init(_ record: Record, ownTopics: OwnTopics, at now: Timestamp) throws(ContractError) {
        isCancelled = RequestRecord.isCancelled(record)
        isRetried = record.topic == Topic.retriedRequests(Lane(topic: record.topic))
        var fault: ContractError?
        do throws(ContractError) {
            event = try CloudEvent(record, as: EventType.request)
        } catch {
            guard let identity = CloudEvent.identity(of: record) else { throw error }
            event = identity
            fault = error
        }
        if fault == nil, let contentType = event.contentType, !MediaType(contentType).isJSON {
            fault = ContractError(.unsupportedMediaType, "the media type of a request must be application/json")
        }
        let named = TenantID(authID: event.authID)
        // A retried request says where it came from.
        let place = RecordPlace(record)
        let owner = ownTopics.owner(of: place.topic)
        tenant = owner ?? named
        lane = Lane(topic: record.topic)
        origin = Origin(
            digest: BodyDigest(of: (event.data ?? record.value) ?? []), place: RequestRecord.place(of: record))
        readAt = place.timestamp
        hasOwnTopics = ownTopics.contains(tenant)
        if let owner, event.authID ?? "" != "", named != owner {
            fault = fault ?? ContractError(.wrongTenant, "ce_authid names another tenant than the topic")
        }
        // The tenant has given its topics back, and this was fetched before.
        if owner == nil, Topic.isOwn(place.topic) {
            throw ContractError(.wrongTenant, "the topic is no tenant's")
        }
        // What waited in the store was let in before.
        if owner == nil, hasOwnTopics, !place.isStore {
            throw ContractError(.wrongTenant, "the tenant has topics of its own")
        }
        // Postgres' text holds no NUL.
        guard !(event.id + tenant.rawValue).utf8.contains(0) else {
            throw ContractError(.invalidHeader, "ce_id or ce_authid holds a NUL")
        }
        if let fault {
            rejection = fault
            return
        }
        do {
            let request = try Request.decode(
                event.data ?? [], eventID: EventID(event.id), tenant: tenant, deadline: event.expiryTime)
            if let deadline = request.deadline, deadline <= now {
                throw ContractError(.expired, "the deadline had passed when the request arrived")
            }
            self.request = request
        } catch let error as ContractError {
            rejection = error
        } catch {
            rejection = ContractError(.notJSON, "the request cannot be read")
        }
    }

    var eventID: EventID { EventID(event.id) }

    var key: EventKey { EventKey(tenant: tenant, eventID: eventID) }

    /// Whether there is anything to plan for it.
    var isOpen: Bool { rejection == nil && !isCancelled }

    /// What is kept of it while it waits.
    var submission: Submission {
        Submission(
            tenant: tenant, eventID: eventID, body: event.data ?? [], deadline: request?.deadline,
            traceparent: event.traceparent, lane: lane, place: origin.place ?? 0)
    }

    /// A rejection of this delivery alone: nothing is stored under the event id, which belongs to another request or is to
    /// be used again. Its id is made of where the record was read, so that a redelivery gives the same result again.
    func rejection(_ reason: ContractError, retryAfterSeconds: Int? = nil) -> RequestSnapshot {
        let name = "\(reason.code.rawValue)/\(origin.place ?? 0)/\(tenant)/\(event.id)"
        let id = Request.ID(digest: BodyDigest(of: Array(name.utf8)).value)
        var snapshot = RequestSnapshot(
            id: id, tenant: tenant, eventID: eventID, channel: nil, state: .rejected,
            error: reason.description, acceptedAt: readAt, progressedAt: readAt, traceparent: event.traceparent,
            lane: lane, hasOwnTopics: hasOwnTopics)
        snapshot.retryAfterSeconds = retryAfterSeconds
        return snapshot
    }

    /// - Throws: `ContractError` for a cost that is too large to be written.
    func arrival(at now: Timestamp, pricing: PriceList, fullModel: String) throws(ContractError) -> Arrival {
        var generator = SystemRandomNumberGenerator()
        let id = Request.ID(acceptedAt: now, using: &generator)
        var snapshot = RequestSnapshot(
            id: id, tenant: tenant, eventID: eventID, channel: request?.channel, state: .open, acceptedAt: now,
            deadline: request?.deadline, progressedAt: now, traceparent: event.traceparent, lane: lane,
            hasOwnTopics: hasOwnTopics)
        guard !isCancelled else {
            snapshot.state = .cancelled
            snapshot.error = "cancelled on request"
            return Arrival(snapshot: snapshot, origin: origin)
        }
        func entries(_ attempt: Attempt?, answered: Int = 0) throws(ContractError) -> [LedgerEntry] {
            guard let attempt else { return [] }
            let routing = Step.ID(request: id, ordinal: 0)
            return [
                try pricing.entry(
                    for: attempt, of: routing, tenant: tenant, route: .decomposition, fullModel: fullModel, credit: nil,
                    texts: answered)
            ]
        }
        guard let decomposition, rejection == nil else {
            snapshot.state = .rejected
            snapshot.error = rejection?.description
            return Arrival(snapshot: snapshot, entries: try entries(refused), origin: origin)
        }
        snapshot.steps = decomposition.steps
        // A human text of which nothing fits any capability is answered by the routing alone.
        if snapshot.steps.allSatisfy(\.state.isFinal) { snapshot.state = .completed }
        return Arrival(
            snapshot: snapshot, entries: try entries(decomposition.attempt, answered: decomposition.answered),
            origin: origin)
    }
}

extension BodyDigest {
    init(of body: [UInt8]) {
        let digest = body.withUnsafeBytes { SHA256.bytes($0) }
        self.init(value: digest.prefix(16).reduce(0) { $0 << 8 | UInt128($1) })
    }
}
