import Contracts
import Store

/// What changes of a request, as columns.
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

    /// Sums the ledger of those that are final, without checks in the background, which are the operator's alone; the bounds
    /// prune its partitions. What the result says of cost is decided while `completed_at` is still null. A
    /// sum that is too large stops at the largest number, as it does in memory.
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
                coalesce(t.open, false)
            """
        return sql.named("complete requests")
    }

    /// Touches no index, so that the row changes in place.
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
