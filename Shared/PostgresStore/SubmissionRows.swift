import Contracts
import Store

/// Submissions as columns, each event once: one statement cannot change a row twice.
struct SubmissionRows {
    var tenants = PostgresArray<String>()
    var eventIDs = PostgresArray<String>()
    var bodies = PostgresArray<Blob>()
    var deadlines = PostgresArray<Timestamp>()
    var traceparents = PostgresArray<String>()
    var lanes = PostgresArray<String>()

    init(_ submissions: [Submission]) {
        // In order of the key, as every other batch does it, so that two cannot wait for each other.
        let last = Dictionary(submissions.map { ($0.key, $0) }) { $1 }.values.sorted {
            ($0.tenant.rawValue, $0.eventID) < ($1.tenant.rawValue, $1.eventID)
        }
        for submission in last {
            tenants.append(submission.tenant.rawValue)
            eventIDs.append(submission.eventID)
            bodies.append(Blob(bytes: submission.body))
            deadlines.append(submission.deadline)
            traceparents.append(submission.traceparent)
            lanes.append(submission.lane.rawValue)
        }
    }
}

extension SQL.StringInterpolation {
    /// `INSERT INTO winnow.submission SELECT … FROM unnest(…) AS u (…)`, to be followed by what goes behind.
    mutating func appendInterpolation(insert rows: SubmissionRows) {
        appendLiteral(
            """
            INSERT INTO winnow.submission (tenant_id, event_id, body, deadline_at, traceparent, lane)
            SELECT u.tenant_id, u.event_id, u.body, u.deadline_at, u.traceparent, u.lane
            FROM unnest(
            """)
        list(rows.tenants, rows.eventIDs, rows.bodies, rows.deadlines, rows.traceparents, rows.lanes)
        appendLiteral(") AS u (tenant_id, event_id, body, deadline_at, traceparent, lane)")
    }
}
