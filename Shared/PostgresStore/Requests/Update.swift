import Contracts
import Store

extension PostgresStore {
    /// After a conflict with another transaction, `transition` is called again with the new state.
    public func update(
        _ requests: [Request.ID], _ transition: @escaping @Sendable ([RequestSnapshot]) throws -> [RequestChange]
    ) async throws -> [RequestSnapshot] {
        guard let batch = UpdateBatch(requests) else { return [] }
        let (open, snapshots) = try await session.run { [reports = onFinal != nil] connection in
            // The steps are read by a separate statement, so that it sees changes that were committed while it waited
            // for the locks.
            let read = try connection.execute("BEGIN", batch.lock, batch.steps)
            let before = try RequestReading.snapshots([read[1]], [read[2]], ids: batch.ids)
            let changes = try AppliedChanges(before.isEmpty ? [] : transition(before), to: before)
            let open = reports ? Set(before.lazy.filter { !$0.state.isFinal }.map(\.id)) : []
            return (open, try batch.write(changes, on: connection))
        }
        if let onFinal {
            for snapshot in snapshots where snapshot.state.isFinal && open.contains(snapshot.id) { onFinal(snapshot) }
        }
        return snapshots
    }
}

/// The statements that read and write a batch of requests.
struct UpdateBatch: Sendable {
    let ids: [RequestKey: Request.ID]
    let lock: SQL
    let steps: SQL
    private let lowest: RequestKey
    private let highest: RequestKey

    /// - Returns: `nil` if there are no requests.
    init?(_ requests: [Request.ID]) {
        let ids = Dictionary(requests.map { (RequestKey($0), $0) }) { first, _ in first }
        guard let lowest = ids.keys.min(), let highest = ids.keys.max() else { return nil }
        self.ids = ids
        self.lowest = lowest
        self.highest = highest
        let keys = PostgresArray(ids.keys)
        // Sorted by id, as in every other batch, so that two transactions cannot deadlock.
        let lock: SQL = """
            SELECT \(literal: RequestReading.columns) FROM winnow.request AS r
            WHERE r.request_id = ANY (\(keys)) ORDER BY r.request_id FOR NO KEY UPDATE
            """
        self.lock = lock.named("lock requests")
        steps = RequestReading.steps(of: keys, from: lowest, to: highest)
    }

    /// Writes the changes and commits, in one round trip.
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
                    updated.append(
                        step, of: key, at: snapshot.progressedAt,
                        withItems: touched.filledSteps.contains(step.ordinal))
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
        // Runs after the attempts. As a separate statement it sees them and the attempts that others committed.
        if requests.keys.count > 0 { statements.append(requests.statement(from: lowest, to: highest)) }
        let results = try connection.execute(statements + ["COMMIT"])
        guard requests.sumsLedger, results.count > 1 else { return changes.snapshots }
        return try summed(changes, results[results.count - 2])
    }

    private func summed(_ changes: AppliedChanges, _ result: PostgresResult) throws -> [RequestSnapshot] {
        let columns = try LedgerTotals.Columns(result)
        let (id, hasOpenCall) = (try result.column("request_id"), try result.column("has_open_call"))
        let sums = try result.rows { row throws in
            let totals = try LedgerTotals(row, columns)
            return (try row.requestKey(id), (totals: totals, hasOpenCall: try row.bool(hasOpenCall)))
        }
        let sumsByKey = Dictionary(sums) { first, _ in first }
        return changes.summed { sumsByKey[RequestKey($0)] }
    }
}

/// Changes of requests, as columns.
struct RequestUpdateRows {
    var keys = PostgresArray<RequestKey>()
    private var states = PostgresArray<String>()
    private var errors = PostgresArray<String>()
    private var progressedAt = PostgresArray<Timestamp>()
    private var final = PostgresArray<Bool>()
    private var costFinal = PostgresArray<Bool>()
    private var redrives = PostgresArray<Int16>()
    private var redriveAt = PostgresArray<Timestamp>()
    private(set) var sumsLedger = false

    mutating func append(_ snapshot: RequestSnapshot, _ key: RequestKey, sumsLedger: Bool) {
        keys.append(key)
        states.append(snapshot.state.rawValue)
        errors.append(snapshot.error)
        progressedAt.append(snapshot.progressedAt)
        final.append(sumsLedger)
        costFinal.append(snapshot.resultCost?.isFinal ?? true)
        redrives.append(Int16(clamping: snapshot.redrives))
        redriveAt.append(snapshot.redriveAt)
        self.sumsLedger = self.sumsLedger || sumsLedger
    }

    /// Writes the changes, and the sums of the ledger for final requests. The sums leave out comparisons in the
    /// background, for which the operator pays. The bounds restrict the sums to the partitions of these requests. The
    /// cost in the result is set only while `completed_at` is still null. A sum that is too large becomes the largest
    /// number, as in memory.
    func statement(from lowest: RequestKey, to highest: RequestKey) -> SQL {
        guard sumsLedger else { return progress }
        let sql: SQL = """
            UPDATE winnow.request AS r
            SET state = u.state::winnow.request_state, error = u.error, progressed_at = u.progressed_at,
                redrives = u.redrives, redrive_at = u.redrive_at,
                completed_at = CASE WHEN u.final THEN coalesce(r.completed_at, u.progressed_at) ELSE r.completed_at END,
                cost_final = CASE WHEN u.final AND r.completed_at IS NULL THEN u.cost_final AND t.open IS NOT TRUE
                    ELSE r.cost_final END,
                result_totals = CASE
                    WHEN u.final AND r.completed_at IS NOT NULL AND r.result_totals IS NULL AND t.t1 IS NOT NULL
                        AND (r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd, r.full_model_input_tokens,
                            r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd)
                            IS DISTINCT FROM (t.t1, t.t2, t.t3, t.t4, t.t5, t.t6, t.t7, t.t8)
                    THEN ARRAY[r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd, r.full_model_input_tokens,
                        r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd]
                    ELSE r.result_totals END,
                input_tokens = coalesce(t.t1, r.input_tokens), output_tokens = coalesce(t.t2, r.output_tokens),
                flops = coalesce(t.t3, r.flops), cost_pico_usd = coalesce(t.t4, r.cost_pico_usd),
                full_model_input_tokens = coalesce(t.t5, r.full_model_input_tokens),
                full_model_output_tokens = coalesce(t.t6, r.full_model_output_tokens),
                full_model_flops = coalesce(t.t7, r.full_model_flops),
                full_model_cost_pico_usd = coalesce(t.t8, r.full_model_cost_pico_usd)
            FROM unnest(
                \(keys), \(states), \(errors), \(progressedAt), \(final), \(costFinal), \(redrives), \(redriveAt))
                AS u (request_id, state, error, progressed_at, final, cost_final, redrives, redrive_at),
            LATERAL (
                SELECT winnow.saturated(sum(a.input_tokens)) AS t1, winnow.saturated(sum(a.output_tokens)) AS t2,
                    winnow.saturated(sum(a.flops)) AS t3, winnow.saturated(sum(a.cost_pico_usd)) AS t4,
                    winnow.saturated(sum(a.full_model_input_tokens)) AS t5,
                    winnow.saturated(sum(a.full_model_output_tokens)) AS t6,
                    winnow.saturated(sum(a.full_model_flops)) AS t7,
                    winnow.saturated(sum(a.full_model_cost_pico_usd)) AS t8,
                    bool_or(a.state = 'started') AS open
                FROM winnow.attempt AS a
                WHERE u.final AND a.kind <> 'shadow' AND a.request_id = u.request_id AND a.request_id BETWEEN \(lowest) AND \(highest)
            ) AS t
            WHERE r.request_id = u.request_id
            RETURNING r.request_id, r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd,
                r.full_model_input_tokens, r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd,
                coalesce(t.open, false) AS has_open_call
            """
        return sql.named("complete requests")
    }

    /// Changes no indexed column, so that Postgres can update the row without touching its indexes (HOT).
    private var progress: SQL {
        let sql: SQL = """
            UPDATE winnow.request AS r
            SET error = u.error, progressed_at = u.progressed_at, redrives = u.redrives, redrive_at = u.redrive_at
            FROM unnest(\(keys), \(errors), \(progressedAt), \(redrives), \(redriveAt))
                AS u (request_id, error, progressed_at, redrives, redrive_at)
            WHERE r.request_id = u.request_id
            """
        return sql.named("progress requests")
    }
}
