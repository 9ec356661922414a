import Contracts
import Store

/// A batch of arrivals, each event once, as one statement.
struct AcceptBatch: Sendable {
    struct First: Sendable {
        let event: EventKey
        let key: RequestKey
        let stored: RequestSnapshot
    }

    /// The first arrival of each event.
    let firsts: [First]
    let insert: SQL
    /// For each arrival the index of its event's first.
    private let indices: [Int]

    init(_ arrivals: [Arrival]) {
        var firsts: [First] = []
        var known = [EventKey: Int](minimumCapacity: arrivals.count)
        var indices: [Int] = []
        var requests = RequestRows(reservingCapacity: arrivals.count)
        var steps = StepRows()
        var entries: [LedgerEntry] = []
        for arrival in arrivals {
            let event = EventKey(arrival.snapshot)
            if let index = known[event] {
                indices.append(index)
                continue
            }
            known[event] = firsts.count
            indices.append(firsts.count)
            let stored = arrival.stored
            let key = RequestKey(stored.id)
            firsts.append(First(event: event, key: key, stored: stored))
            requests.append(stored, key)
            for step in stored.steps { steps.append(step, of: key, at: stored.progressedAt) }
            entries.append(contentsOf: arrival.entries)
        }
        self.firsts = firsts
        self.indices = indices
        insert = Self.statement(requests, steps, EntryRows(entries))
    }

    /// In the order of the arrivals: what was known already, else the arrival itself.
    func resolved(_ known: [EventKey: RequestSnapshot]) -> [RequestSnapshot] {
        indices.map { index in
            let first = firsts[index]
            return known.isEmpty ? first.stored : known[first.event] ?? first.stored
        }
    }

    /// One statement is one transaction and one round trip. Steps and attempts are kept where their request was really
    /// inserted; `IS TRUE` makes that a hash lookup, where a plain `IN` would be joined by comparing all with all.
    private static func statement(_ requests: RequestRows, _ steps: StepRows, _ entries: EntryRows) -> SQL {
        let sql: SQL = """
            WITH arrived AS (
                INSERT INTO winnow.request (
                    request_id, tenant_id, event_id, channel, state, error, accepted_at, deadline_at, progressed_at,
                    completed_at, traceparent, input_tokens, output_tokens, flops, cost_pico_usd,
                    full_model_input_tokens, full_model_output_tokens, full_model_flops, full_model_cost_pico_usd)
                SELECT request_id, tenant_id, event_id, channel::winnow.channel, state::winnow.request_state, error,
                    accepted_at, deadline_at, progressed_at, CASE WHEN state <> 'open' THEN progressed_at END,
                    traceparent, t1, t2, t3, t4, t5, t6, t7, t8
                FROM unnest(
                    \(requests.keys), \(requests.tenants), \(requests.eventIDs), \(requests.channels),
                    \(requests.states), \(requests.errors), \(requests.acceptedAt), \(requests.deadlines),
                    \(requests.progressedAt), \(requests.traceparents), \(requests.totals[0]), \(requests.totals[1]),
                    \(requests.totals[2]), \(requests.totals[3]), \(requests.totals[4]), \(requests.totals[5]),
                    \(requests.totals[6]), \(requests.totals[7])
                ) AS u (
                    request_id, tenant_id, event_id, channel, state, error, accepted_at, deadline_at, progressed_at,
                    traceparent, t1, t2, t3, t4, t5, t6, t7, t8)
                ON CONFLICT DO NOTHING
                RETURNING request_id
            ), planned AS (
                \(insert: steps)
                WHERE (request_id IN (SELECT request_id FROM arrived)) IS TRUE
            ), charged AS (
                \(insert: entries)
                WHERE (request_id IN (SELECT request_id FROM arrived)) IS TRUE
            )
            SELECT request_id FROM arrived
            """
        return sql.named("insert requests")
    }
}
