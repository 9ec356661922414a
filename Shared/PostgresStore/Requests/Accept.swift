import Contracts
import Store

/// A stored request of an event id, and its origin.
struct StoredEvent: Sendable {
    let snapshot: RequestSnapshot
    let origin: Origin

    func acceptance(of other: Origin) -> Acceptance { Acceptance(origin.kind(of: other), snapshot) }
}

extension PostgresStore {
    public func accept(_ arrivals: [Arrival]) async throws -> [Acceptance] {
        try await accept(arrivals, parking: []).accepted
    }

    public func known(_ events: [(key: EventKey, origin: Origin)]) async throws -> [Acceptance?] {
        guard !events.isEmpty else { return [] }
        let found = try await stored(Array(Set(events.map(\.key))))
        return events.map { found[$0.key]?.acceptance(of: $0.origin) }
    }

    public func accept(
        _ arrivals: [Arrival], parking: [Parking]
    ) async throws -> (accepted: [Acceptance], parked: [Parking.Verdict]) {
        guard !arrivals.isEmpty || !parking.isEmpty else { return ([], []) }
        let batch = AcceptBatch(arrivals)
        let park = ParkBatch(parking)
        let tenants = unknownTenants(arrivals.map(\.snapshot.tenant) + parking.map(\.submission.tenant))
        // Runs after the arrivals, so that an event that occurs twice in a batch is known. Without BEGIN, the
        // statements are one transaction.
        let statements = (arrivals.isEmpty ? [] : [batch.insert]) + (parking.isEmpty ? [] : [park.insert])
        let (inserted, parked) = try await session.run { connection in
            if !tenants.isEmpty { try connection.execute(Self.insertTenants(tenants)) }
            do {
                let results = try connection.execute(statements)
                let inserted = try arrivals.isEmpty ? [] : results[0].rows { row throws in try row.requestKey() }
                return (Set(inserted), parking.isEmpty ? [:] : try park.found(results[results.count - 1]))
            } catch let error as StoreError where (error.underlying as? PostgresFault)?.sqlState == "23505" {
                throw Self.idIsTaken
            }
        }
        remember(tenants)
        if let onFinal {
            for first in batch.firsts where first.stored.state.isFinal && inserted.contains(first.key) {
                onFinal(first.stored)
            }
        }
        let missing = batch.firsts.filter { !inserted.contains($0.key) }.map(\.event)
        let redelivered = parked.filter { $0.value == .redelivered }.map(\.key)
        if missing.isEmpty, redelivered.isEmpty { return (batch.resolved([:]), park.verdicts(parked, [:])) }
        let found = try await stored(Array(Set(missing + redelivered)))
        guard missing.allSatisfy({ found[$0] != nil }) else { throw Self.idIsTaken }
        return (batch.resolved(found), park.verdicts(parked, found))
    }

    /// Reads stored requests. It may run after the arrivals' transaction: if an insert conflicted with a row, the row
    /// is committed and can be read.
    private func stored(_ events: [EventKey]) async throws -> [EventKey: StoredEvent] {
        let tenants = PostgresArray(events.map(\.tenant.rawValue))
        let eventIDs = PostgresArray(events.map(\.eventID.text))
        return try await session.run { connection in
            let select: SQL = """
                SELECT \(literal: RequestReading.columns)
                FROM unnest(\(tenants), \(eventIDs)) AS u (tenant_id, event_id)
                JOIN winnow.request AS r ON r.tenant_id = u.tenant_id AND r.event_id = u.event_id
                """
            let origins: SQL = """
                SELECT r.request_id, r.body_digest, r.place
                FROM unnest(\(tenants), \(eventIDs)) AS u (tenant_id, event_id)
                JOIN winnow.request AS r ON r.tenant_id = u.tenant_id AND r.event_id = u.event_id
                """
            let read = try connection.execute(select.named("read known requests"), origins.named("read their origins"))
            let byID = Dictionary(
                try read[1].rows { row throws in (try row.requestKey().requestID(), try row.origin()) }
            ) { first, _ in first }
            let snapshots = try RequestReading.snapshots([read[0]], on: connection)
            return Dictionary(
                snapshots.map { (EventKey($0), StoredEvent(snapshot: $0, origin: byID[$0.id] ?? Origin())) }
            ) { first, _ in first }
        }
    }

    private static let idIsTaken = StoreError(
        .conflict, "a request's id is taken by another event", isRetriable: false)

    static func insertTenants(_ tenants: Set<TenantID>) -> SQL {
        let ids = PostgresArray(tenants.sorted().map(\.rawValue))
        let sql: SQL = "INSERT INTO winnow.tenant (tenant_id) SELECT unnest(\(ids)) ON CONFLICT DO NOTHING"
        return sql.named("insert tenants")
    }
}

extension PostgresRow {
    /// Reads the columns `body_digest` and `place`.
    fileprivate func origin() throws(StoreError) -> Origin {
        let bytes = try bytes("body_digest")
        let digest =
            bytes.count == 16 ? BodyDigest(value: UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self))) : nil
        return Origin(digest: try isNull("body_digest") ? nil : digest, place: try optionalInteger("place"))
    }
}

/// A batch of arrivals with each event once, as one statement.
struct AcceptBatch: Sendable {
    struct First: Sendable {
        let event: EventKey
        let key: RequestKey
        let stored: RequestSnapshot
        let origin: Origin
    }

    /// The first arrival of each event.
    let firsts: [First]
    let insert: SQL
    /// For each arrival, the index of the first arrival of its event, and whether it is that arrival.
    private let indices: [(first: Int, isFirst: Bool, origin: Origin)]

    init(_ arrivals: [Arrival]) {
        var firsts: [First] = []
        var known = [EventKey: Int](minimumCapacity: arrivals.count)
        var indices: [(first: Int, isFirst: Bool, origin: Origin)] = []
        var requests = RequestRows(reservingCapacity: arrivals.count)
        var steps = StepRows()
        var entries: [LedgerEntry] = []
        for arrival in arrivals {
            let event = EventKey(arrival.snapshot)
            if let index = known[event] {
                indices.append((index, false, arrival.origin))
                continue
            }
            known[event] = firsts.count
            indices.append((firsts.count, true, arrival.origin))
            let stored = arrival.stored
            let key = RequestKey(stored.id)
            firsts.append(First(event: event, key: key, stored: stored, origin: arrival.origin))
            requests.append(stored, key, arrival.origin)
            for step in stored.steps { steps.append(step, of: key, at: stored.progressedAt) }
            entries.append(contentsOf: arrival.entries)
        }
        self.firsts = firsts
        self.indices = indices
        insert = Self.statement(requests, steps, EntryRows(entries))
    }

    /// Returns, in the order of the arrivals, the known request or the arrival itself.
    func resolved(_ known: [EventKey: StoredEvent]) -> [Acceptance] {
        indices.map { index, isFirst, origin in
            let first = firsts[index]
            if !known.isEmpty, let stored = known[first.event] { return stored.acceptance(of: origin) }
            return Acceptance(isFirst ? .new : first.origin.kind(of: origin), first.stored)
        }
    }

    /// One statement is one transaction and one round trip. Parts without rows are left out, since they would cost a
    /// batch of one request as much as a part with a row.
    private static func statement(_ requests: RequestRows, _ steps: StepRows, _ entries: EntryRows) -> SQL {
        let sql: SQL
        switch (steps.keys.count > 0, !entries.isEmpty) {
        case (false, false): sql = "WITH \(arrived: requests) SELECT request_id FROM arrived"
        case (true, false):
            sql = """
                WITH \(arrived: requests), planned AS (\(insert: steps) \(literal: ofArrived))
                SELECT request_id FROM arrived
                """
        case (false, true):
            sql = """
                WITH \(arrived: requests), charged AS (\(insert: entries) \(literal: ofArrived))
                SELECT request_id FROM arrived
                """
        case (true, true):
            sql = """
                WITH \(arrived: requests), planned AS (\(insert: steps) \(literal: ofArrived)),
                charged AS (\(insert: entries) \(literal: ofArrived))
                SELECT request_id FROM arrived
                """
        }
        return sql.named("insert requests")
    }

    /// Keeps only rows of requests that were inserted. `IS TRUE` makes this a hash lookup; a plain `IN` would be a join
    /// that compares all rows with each other.
    private static let ofArrived: StaticString = "WHERE (request_id IN (SELECT request_id FROM arrived)) IS TRUE"
}
