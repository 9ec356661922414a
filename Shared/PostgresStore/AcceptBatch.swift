import Contracts
import Store

/// A batch of arrivals, each event once, as one statement.
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
    /// For each arrival the index of its event's first, and whether it is that itself.
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

    /// In the order of the arrivals: what was known already, else the arrival itself.
    func resolved(_ known: [EventKey: StoredEvent]) -> [Acceptance] {
        indices.map { index, isFirst, origin in
            let first = firsts[index]
            if !known.isEmpty, let stored = known[first.event] { return stored.acceptance(of: origin) }
            return Acceptance(isFirst ? .new : first.origin.kind(of: origin), first.stored)
        }
    }

    /// One statement is one transaction and one round trip. What a batch does not have is left out of it, for a part
    /// without rows costs a batch of one as much as one with a row.
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

    /// Keeps what belongs to requests that were really inserted. `IS TRUE` makes it a hash lookup, where a plain `IN`
    /// would be joined by comparing all with all.
    private static let ofArrived: StaticString = "WHERE (request_id IN (SELECT request_id FROM arrived)) IS TRUE"
}
