import Contracts
import Store

/// One statement for the requests that exceed their tenants' share. It stores those that may wait, and tells what
/// became of each. An event that occurs several times in the batch is stored once.
struct ParkBatch: Sendable {
    /// The state of an event after the statement.
    enum Found: Sendable { case waits, refused, reused, redelivered }

    /// For each event, the first request of the batch. `offers` are all requests of the batch.
    private let firsts: [EventKey: Parking]
    private let offers: [Parking]

    init(_ offers: [Parking]) {
        self.offers = offers
        firsts = Dictionary(offers.map { ($0.submission.key, $0) }) { first, _ in first }
    }

    func found(_ result: PostgresResult) throws -> [EventKey: Found] {
        let rows = try result.rows { row throws in
            // Another transaction has inserted the row in the meantime. The next try will see it.
            guard try !row.bool("is_raced") else {
                throw StoreError(.conflict, "two requests with one id were parked at the same time", isRetriable: true)
            }
            let mayWait = try row.bool("has_waited") || !row.bool("is_refused")
            let found: Found =
                try row.bool("is_reused")
                ? .reused : row.bool("is_redelivered") ? .redelivered : mayWait ? .waits : .refused
            return (try row.eventKey(), found)
        }
        return Dictionary(rows) { first, _ in first }
    }

    /// Returns the verdicts in the order of the offers. A second request with the id of an earlier one waits as part of
    /// it, unless its body differs.
    func verdicts(_ found: [EventKey: Found], _ stored: [EventKey: StoredEvent]) -> [Parking.Verdict] {
        offers.map { offer in
            let key = offer.submission.key
            if let first = firsts[key], first.submission.body != offer.submission.body { return .reused }
            switch found[key] {
            case .reused: return .reused
            case .redelivered: return stored[key].map { .redelivered($0.snapshot) } ?? .waits
            case .refused: return .refused
            case .waits, nil: return .waits
            }
        }
    }

    /// Columns of the result: the event, is_redelivered (accepted from the same place), is_reused (the id has another
    /// body), has_waited, is_refused, and is_raced (a row that should have been stored was not).
    var insert: SQL {
        let rows = SubmissionRows(firsts.values.map(\.submission))
        let ordered = rows.keys.compactMap { firsts[$0] }
        var digests = PostgresArray<BodyDigest>()
        for offer in ordered { digests.append(offer.digest) }
        let refusals = PostgresArray(ordered.map(\.isRefused))
        let sql: SQL = """
            WITH offered AS (
                SELECT u.*, r.request_id IS NOT NULL AND coalesce(r.place = u.place, true) AS is_redelivered,
                    coalesce(r.body_digest <> u.body_digest, false) OR coalesce(s.body <> u.body, false) AS is_reused,
                    s.tenant_id IS NOT NULL AS has_waited
                FROM (
                    SELECT * FROM unnest(
                        \(rows.tenants), \(rows.eventIDs), \(rows.bodies), \(rows.deadlines), \(rows.traceparents),
                        \(rows.lanes), \(rows.places), \(digests), \(refusals))
                        AS o (tenant_id, event_id, body, deadline_at, traceparent, lane, place, body_digest, is_refused)) AS u
                LEFT JOIN winnow.request AS r ON r.tenant_id = u.tenant_id AND r.event_id = u.event_id
                LEFT JOIN winnow.submission AS s ON s.tenant_id = u.tenant_id AND s.event_id = u.event_id),
            parked AS (
                INSERT INTO winnow.submission (tenant_id, event_id, body, deadline_at, traceparent, lane, place)
                SELECT tenant_id, event_id, body, deadline_at, traceparent, lane, place FROM offered
                WHERE NOT (is_redelivered OR is_reused OR has_waited OR is_refused)
                ON CONFLICT DO NOTHING
                RETURNING tenant_id, event_id)
            SELECT o.tenant_id, o.event_id, o.is_redelivered, o.is_reused, o.has_waited, o.is_refused,
                NOT (is_redelivered OR is_reused OR has_waited OR is_refused)
                    AND ((o.tenant_id, o.event_id) IN (SELECT tenant_id, event_id FROM parked)) IS NOT TRUE AS is_raced
            FROM offered AS o
            """
        return sql.named("park submissions")
    }
}

/// Submissions as several statements: the first has the first body of each event, the second has the second body, and
/// so on.
///
/// If the first body of an event is stored, the others are refused. One statement cannot change a row twice, so several
/// bodies of one event need several statements.
struct SubmitBatch: Sendable {
    private var rounds: [[EventKey: Submission]] = []
    /// For each submission, in the given order.
    private var places: [(key: EventKey, round: Int)] = []

    init(_ submissions: [Submission]) {
        for submission in submissions {
            let key = submission.key
            let open = rounds.firstIndex { $0[key].map { $0.body == submission.body } ?? true }
            let round = open ?? rounds.count
            if open == nil { rounds.append([:]) }
            if rounds[round][key] == nil { rounds[round][key] = submission }
            places.append((key, round))
        }
    }

    /// A waiting row with the same body is dequeued again. A row with another body is not changed.
    var statements: [SQL] {
        rounds.map { round in
            let insert: SQL = """
                \(insert: SubmissionRows(round.values))
                ON CONFLICT (tenant_id, event_id) DO UPDATE SET sent_at = NULL WHERE s.body_digest = excluded.body_digest
                RETURNING s.tenant_id, s.event_id
                """
            return insert.named("insert submissions")
        }
    }

    /// - Parameter results: the results of `statements`.
    /// - Returns: the indices of the submissions that were refused.
    func refused(_ results: some Sequence<PostgresResult>) throws -> Set<Int> {
        let taken = try results.map { result in Set(try result.rows { row throws in try row.eventKey() }) }
        return Set(places.indices.filter { !taken[places[$0].round].contains(places[$0].key) })
    }
}
