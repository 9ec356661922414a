import Contracts
import Store

/// The statements that read and write a batch of requests.
struct UpdateBatch: Sendable {
    let ids: [RequestKey: Request.ID]
    let lock: SQL
    let steps: SQL
    private let lowest: RequestKey
    private let highest: RequestKey

    /// - Returns: `nil` when there are no requests.
    init?(_ requests: [Request.ID]) {
        let ids = Dictionary(requests.map { (RequestKey($0), $0) }) { first, _ in first }
        guard let lowest = ids.keys.min(), let highest = ids.keys.max() else { return nil }
        self.ids = ids
        self.lowest = lowest
        self.highest = highest
        let keys = PostgresArray(ids.keys)
        // In order of id, as every other batch does it, so that two cannot wait for each other.
        let lock: SQL = """
            SELECT \(literal: RequestReading.columns) FROM winnow.request AS r
            WHERE r.request_id = ANY (\(keys)) ORDER BY r.request_id FOR NO KEY UPDATE
            """
        self.lock = lock.named("lock requests")
        steps = RequestReading.steps(of: keys, from: lowest, to: highest)
    }

    /// Writes the changes and ends the transaction, in one round trip.
    /// - Returns: the snapshots with the totals of those that became final.
    func write(_ changes: AppliedChanges, on connection: PostgresConnection) throws -> [RequestSnapshot] {
        var inserted = StepRows()
        var updated = StepUpdateRows()
        var requests = RequestUpdateRows()
        for touched in changes.touched {
            let snapshot = changes.snapshots[touched.index]
            let key = RequestKey(snapshot.id)
            requests.append(snapshot, key, sumsLedger: touched.sumsLedger)
            if touched.newSteps.isEmpty, touched.updatedSteps.isEmpty { continue }
            for step in snapshot.steps {
                if touched.newSteps.contains(step.ordinal) {
                    inserted.append(step, of: key, at: snapshot.progressedAt)
                } else if touched.updatedSteps.contains(step.ordinal) {
                    updated.append(step, of: key, at: snapshot.progressedAt)
                }
            }
        }
        var statements: [SQL] = []
        if inserted.keys.count > 0 { statements.append(("\(insert: inserted)" as SQL).named("insert steps")) }
        if updated.keys.count > 0 { statements.append(updated.statement) }
        let entries = EntryRows(changes.entries)
        if !entries.isEmpty {
            statements.append(("\(insert: entries) ON CONFLICT DO NOTHING" as SQL).named("insert attempts"))
        }
        if !changes.owed.isEmpty { statements.append(PostgresStore.owe(changes.owed)) }
        // Behind the attempts: as a statement of its own it sees them, and those that others committed.
        if requests.keys.count > 0 { statements.append(requests.statement(from: lowest, to: highest)) }
        let results = try connection.execute(statements + ["COMMIT"])
        guard requests.sumsLedger, results.count > 1 else { return changes.snapshots }
        return try summed(changes, results[results.count - 2])
    }

    private func summed(_ changes: AppliedChanges, _ result: PostgresResult) throws -> [RequestSnapshot] {
        let sums = try result.rows { row throws in
            (try row.requestKey(0), (totals: try LedgerTotals(row, from: 1), hasOpenCall: row.bool(9)))
        }
        let sumsByKey = Dictionary(sums) { first, _ in first }
        return changes.summed { sumsByKey[RequestKey($0)] }
    }
}
