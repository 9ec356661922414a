import Contracts
import Store

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
