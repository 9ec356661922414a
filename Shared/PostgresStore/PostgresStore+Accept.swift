import Contracts
import Store

extension PostgresStore {
    public func accept(_ arrivals: [Arrival]) async throws -> [RequestSnapshot] {
        try await accept(arrivals, parking: []).accepted
    }

    public func accept(
        _ arrivals: [Arrival], parking submissions: [Submission]
    ) async throws -> (accepted: [RequestSnapshot], known: [RequestSnapshot]) {
        guard !arrivals.isEmpty || !submissions.isEmpty else { return ([], []) }
        let batch = AcceptBatch(arrivals)
        let tenants = unknownTenants(arrivals.map(\.snapshot.tenant) + submissions.map(\.tenant))
        // Behind the arrivals, so that what comes twice in a batch is known there. Without BEGIN they are one transaction.
        let statements =
            (arrivals.isEmpty ? [] : [batch.insert]) + (submissions.isEmpty ? [] : [Self.park(submissions)])
        let (inserted, known) = try await session.run { connection in
            if !tenants.isEmpty { try connection.execute(Self.insertTenants(tenants)) }
            do {
                let results = try connection.execute(statements)
                let inserted = try arrivals.isEmpty ? [] : results[0].rows { row throws in try row.requestKey(0) }
                let known = submissions.isEmpty ? [] : results[results.count - 1].rows { $0.eventKey(0) }
                return (Set(inserted), known)
            } catch let error as StoreError where (error.underlying as? PostgresFault)?.sqlState == "23505" {
                throw Self.idIsTaken
            }
        }
        remember(tenants)
        let missing = batch.firsts.filter { !inserted.contains($0.key) }.map(\.event)
        if missing.isEmpty, known.isEmpty { return (batch.resolved([:]), []) }
        let found = try await stored(Array(Set(missing + known)))
        guard (missing + known).allSatisfy({ found[$0] != nil }) else { throw Self.idIsTaken }
        return (batch.resolved(found), known.compactMap { found[$0] })
    }

    /// Not in the arrivals' transaction: a conflict with a row means that the row is committed.
    private func stored(_ events: [EventKey]) async throws -> [EventKey: RequestSnapshot] {
        let tenants = PostgresArray(events.map(\.tenant.rawValue))
        let eventIDs = PostgresArray(events.map(\.eventID))
        let snapshots = try await session.run { connection in
            let select: SQL = """
                SELECT \(literal: RequestReading.columns)
                FROM unnest(\(tenants), \(eventIDs)) AS u (tenant_id, event_id)
                JOIN winnow.request AS r ON r.tenant_id = u.tenant_id AND r.event_id = u.event_id
                """
            let requests = try connection.execute(select.named("read known requests"))
            return try RequestReading.snapshots(requests, on: connection)
        }
        return Dictionary(snapshots.map { (EventKey($0), $0) }) { first, _ in first }
    }

    private static let idIsTaken = StoreError(
        .conflict, "a request's id is taken by another event", isRetriable: false)

    static func insertTenants(_ tenants: Set<TenantID>) -> SQL {
        let ids = PostgresArray(tenants.map(\.rawValue).sorted())
        let sql: SQL = "INSERT INTO winnow.tenant (tenant_id) SELECT unnest(\(ids)) ON CONFLICT DO NOTHING"
        return sql.named("insert tenants")
    }
}
