import Contracts
import Store

/// Requests over their tenants' share as one statement, each event once. It keeps those that may wait, and says what is known of
/// the others.
struct ParkBatch: Sendable {
    /// What the statement found of an event.
    enum Found: Sendable { case waits, refused, reused, redelivered }

    /// The first offer of each event.
    private let firsts: [EventKey: Parking]
    private let offers: [Parking]

    init(_ offers: [Parking]) {
        self.offers = offers
        firsts = Dictionary(offers.map { ($0.submission.key, $0) }) { first, _ in first }
    }

    func found(_ result: PostgresResult) throws -> [EventKey: Found] {
        let rows = try result.rows { row throws in
            // Another transaction has inserted the row meanwhile. The next try sees it.
            guard !row.bool(6) else {
                throw StoreError(.conflict, "two requests of one id were parked at once", isRetriable: true)
            }
            let found: Found =
                row.bool(3) ? .reused : row.bool(2) ? .redelivered : row.bool(4) || !row.bool(5) ? .waits : .refused
            return (row.eventKey(0), found)
        }
        return Dictionary(rows) { first, _ in first }
    }

    /// In the order of the offers. A second offer of an event waits with the first, unless its body is another one.
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

    /// Columns of the result: the event; whether it was accepted from the same place; whether another body has its id;
    /// whether it waited before; whether it is refused; whether it was to be kept and is not.
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
                    AND ((o.tenant_id, o.event_id) IN (SELECT tenant_id, event_id FROM parked)) IS NOT TRUE
            FROM offered AS o
            """
        return sql.named("park submissions")
    }
}

/// Submissions as statements, each event once in each: the first bodies of all events, then the second ones, and so on.
///
/// The first body of an event that is taken keeps the others out. A statement cannot touch a row twice, so that several bodies of
/// one event need several statements.
struct SubmitBatch: Sendable {
    private var rounds: [[EventKey: Submission]] = []
    /// Of each submission, in the order given.
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

    /// A row that waits with the same body is given out again; one with another body stays as it is.
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

    /// - Parameter results: of the statements.
    /// - Returns: the places of the submissions that were not taken.
    func refused(_ results: some Sequence<PostgresResult>) -> Set<Int> {
        let taken = results.map { result in Set(result.rows { row in row.eventKey(0) }) }
        return Set(places.indices.filter { !taken[places[$0].round].contains(places[$0].key) })
    }
}
