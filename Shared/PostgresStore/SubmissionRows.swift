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
    var places = PostgresArray<Int64>()
    /// In the order of the rows.
    private(set) var keys: [EventKey] = []

    /// - Parameter submissions: no two of one event.
    init(_ submissions: some Sequence<Submission>) {
        // In order of the key, as every other batch does it, so that two cannot wait for each other.
        for submission in submissions.sorted(by: { $0.key < $1.key }) {
            tenants.append(submission.tenant.rawValue)
            eventIDs.append(submission.eventID.text)
            bodies.append(Blob(bytes: submission.body))
            deadlines.append(submission.deadline)
            traceparents.append(submission.traceparent)
            lanes.append(submission.lane.rawValue)
            places.append(submission.place)
            keys.append(submission.key)
        }
    }
}

extension SQL.StringInterpolation {
    /// `INSERT INTO winnow.submission AS s SELECT … FROM unnest(…) AS u (…)`, to be followed by what goes behind.
    mutating func appendInterpolation(insert rows: SubmissionRows) {
        appendLiteral(
            """
            INSERT INTO winnow.submission AS s (tenant_id, event_id, body, deadline_at, traceparent, lane, place)
            SELECT u.tenant_id, u.event_id, u.body, u.deadline_at, u.traceparent, u.lane, u.place
            FROM unnest(
            """)
        list(rows.tenants, rows.eventIDs, rows.bodies, rows.deadlines, rows.traceparents, rows.lanes)
        appendLiteral(", ")
        list(rows.places)
        appendLiteral(") AS u (tenant_id, event_id, body, deadline_at, traceparent, lane, place)")
    }
}
