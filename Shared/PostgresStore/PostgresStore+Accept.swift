import Contracts
import Store

extension PostgresStore {
    public func accept(_ arrivals: [Arrival]) async throws -> [RequestSnapshot] {
        guard !arrivals.isEmpty else { return [] }
        let batch = AcceptBatch(arrivals)
        let tenants = unknownTenants(arrivals.lazy.map(\.snapshot.tenant))
        let inserted = try await session.run { connection in
            if !tenants.isEmpty { try connection.execute(Self.insertTenants(tenants)) }
            do {
                let results = try connection.execute(batch.insert)
                return Set(try results.flatMap { try $0.rows { row throws in try row.requestKey(0) } })
            } catch let error as StoreError where (error.underlying as? PostgresFault)?.sqlState == "23505" {
                throw Self.idIsTaken
            }
        }
        remember(tenants)
        let missing = batch.firsts.filter { !inserted.contains($0.key) }
        if missing.isEmpty { return batch.resolved([:]) }
        let known = try await stored(missing.map(\.event))
        guard missing.allSatisfy({ known[$0.event] != nil }) else {
            throw Self.idIsTaken
        }
        return batch.resolved(known)
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

    private static func insertTenants(_ tenants: Set<TenantID>) -> SQL {
        let ids = PostgresArray(tenants.map(\.rawValue).sorted())
        let sql: SQL = "INSERT INTO winnow.tenant (tenant_id) SELECT unnest(\(ids)) ON CONFLICT DO NOTHING"
        return sql.named("insert tenants")
    }
}

/// What makes two arrivals the same.
struct EventKey: Hashable, Sendable {
    let tenant: TenantID
    let eventID: String

    init(_ snapshot: RequestSnapshot) { (tenant, eventID) = (snapshot.tenant, snapshot.eventID) }
}
