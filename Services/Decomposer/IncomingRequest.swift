import Contracts
import Crypto
import MessageBus
import Planning
import Store

/// A request record with a readable id. It gets a result: an answer or a rejection.
struct IncomingRequest {
    let event: CloudEvent
    let tenant: TenantID
    let lane: Lane
    let origin: Origin
    private let readAt: Timestamp
    /// Whether its tenant has topics of its own.
    let hasOwnTopics: Bool
    private(set) var request: Request?
    /// Whether a client cancelled the request while it waited.
    let isCancelled: Bool
    /// Whether the request returns after a temporary fault. Such a request has been admitted before.
    let isRetried: Bool
    var rejection: ContractError?
    var decomposition: Decomposition?
    /// The router's call, if the language stage rejected the request after it. Its cost is charged.
    var refused: Attempt?

    /// - Throws: `ContractError` if no id can be read. The record then becomes a dead letter.
    /// - Parameters:
    ///   - ownTopics: says which tenant a topic belongs to. A record on a tenant's own topic belongs to that tenant, and
    ///     a `ce_authid` that names another tenant is an error. A record on a shared topic may not name a tenant that
    ///     has topics of its own.
    ///   - catalog: the routes that the request may name.
    init(_ record: Record, ownTopics: OwnTopics, catalog: Catalog, at now: Timestamp) throws(ContractError) {
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
        // A retried record carries the place where it was read first.
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
        // After this record was fetched, the tenant's topics were taken from it.
        if owner == nil, Topic.isOwn(place.topic) {
            throw ContractError(.wrongTenant, "the topic belongs to no tenant")
        }
        // Requests that wait in the store were checked when they arrived.
        if owner == nil, hasOwnTopics, !place.isStore {
            throw ContractError(.wrongTenant, "the tenant has topics of its own")
        }
        // Postgres text cannot hold a NUL.
        guard !(event.id + tenant.rawValue).utf8.contains(0) else {
            throw ContractError(.invalidHeader, "ce_id or ce_authid contains a NUL")
        }
        if let fault {
            rejection = fault
            return
        }
        do {
            let request = try Request.decode(
                event.data ?? [], eventID: EventID(event.id), tenant: tenant, deadline: event.expiryTime,
                catalog: catalog)
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

    /// Whether the request needs a plan.
    var isOpen: Bool { rejection == nil && !isCancelled }

    /// The row that is stored while the request waits.
    var submission: Submission {
        Submission(
            tenant: tenant, eventID: eventID, body: event.data ?? [], deadline: request?.deadline,
            traceparent: event.traceparent, lane: lane, place: origin.place ?? 0)
    }

    /// Rejects this delivery only. Nothing is stored under the event id, which belongs to another request or may be
    /// used again. The result's id derives from the record's place, so a redelivery produces the same result.
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

    /// - Throws: `ContractError` if a cost is too large to store.
    func arrival(
        at now: Timestamp, pricing: PriceList, fullModel: String, catalogVersion: Int64
    ) throws(ContractError) -> Arrival {
        var generator = SystemRandomNumberGenerator()
        let id = Request.ID(acceptedAt: now, using: &generator)
        var snapshot = RequestSnapshot(
            id: id, tenant: tenant, eventID: eventID, channel: request?.channel, state: .open, acceptedAt: now,
            deadline: request?.deadline, progressedAt: now, traceparent: event.traceparent, lane: lane,
            hasOwnTopics: hasOwnTopics)
        snapshot.catalogVersion = catalogVersion
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
        // If no item of a human text fits a capability, the routing alone answers the request.
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
