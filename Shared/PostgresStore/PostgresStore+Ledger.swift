import Contracts
import Store

extension PostgresStore {
    public func start(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [LedgerEntry] {
        guard let batch = StartBatch(calls) else { return [] }
        return try await session.run { connection in
            let read = try connection.execute(
                "BEGIN", LedgerGuard.lock(calls), batch.abandon, batch.last, batch.instant)
            let instant = try Self.instant(read[4])
            let begun = try calls.map { try begin($0, instant) }
            return try Self.write(try batch.numbered(begun, after: read[3]), on: connection)
        }
    }

    public func reserve(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [Reservation] {
        guard let batch = StartBatch(calls) else { return [] }
        return try await session.run { connection in
            let read = try connection.execute(
                "BEGIN", LedgerGuard.lock(calls), batch.abandon, batch.last, batch.instant, batch.lockBudgets)
            let instant = try Self.instant(read[4])
            let begun = try calls.map { try begin($0, instant) }
            var room = try batch.room(read[5], at: instant, on: connection)
            let refusals = begun.map { room.reserve($0) }
            let paid = zip(begun, refusals).filter { $1 == nil }.map(\.0)
            var started = try Self.write(try batch.numbered(paid, after: read[3]), on: connection)[...]
            return refusals.compactMap { refusal in
                refusal.map { .refused($0) } ?? started.popFirst().map { .started($0) }
            }
        }
    }

    private static func instant(_ result: PostgresResult) throws -> Timestamp {
        guard let instant = try result.first({ row throws in try row.timestamp(0) }) else {
            throw StoreError.unreadable("the instant")
        }
        return instant
    }

    /// Writes the calls and ends the transaction.
    private static func write(_ entries: [LedgerEntry], on connection: PostgresConnection) throws -> [LedgerEntry] {
        let insert: SQL = "\(insert: EntryRows(entries))"
        do {
            try connection.execute(
                (entries.isEmpty ? [] : [insert.named("start attempts"), LedgerGuard.sum(entries)]) + ["COMMIT"])
        } catch let error as StoreError where (error.underlying as? PostgresFault)?.sqlState == "23505" {
            // Another process took the number in the same moment: the session counts again.
            throw StoreError(.conflict, error.message, isRetriable: true, underlying: error.underlying)
        }
        return entries
    }

    /// A row that was never started is written too: what was paid for is never left out.
    public func settle(_ entries: [LedgerEntry]) async throws {
        guard !entries.isEmpty else { return }
        let settlement = Self.settlement(of: entries)
        try await session.run { connection in _ = try connection.execute(settlement) }
    }

    /// Without BEGIN they are one transaction.
    static func settlement(of entries: [LedgerEntry]) -> [SQL] {
        // One statement cannot change a row twice: the last word on a call counts.
        let last = Dictionary(entries.map { (LedgerKey($0), $0) }) { $1 }
        let rows = EntryRows(last.values)
        let settle: SQL = """
            \(insert: rows)
            ON CONFLICT (request_id, step_ordinal, number) DO UPDATE
            SET state = excluded.state, model = excluded.model, version = excluded.version, items = excluded.items,
                duration_us = excluded.duration_us, error = excluded.error, started_at = excluded.started_at,
                settled_at = excluded.settled_at, input_tokens = excluded.input_tokens,
                output_tokens = excluded.output_tokens, flops = excluded.flops,
                cost_pico_usd = excluded.cost_pico_usd, full_model_input_tokens = excluded.full_model_input_tokens,
                full_model_output_tokens = excluded.full_model_output_tokens,
                full_model_flops = excluded.full_model_flops,
                full_model_cost_pico_usd = excluded.full_model_cost_pico_usd,
                guessed_items = excluded.guessed_items, agreed_items = excluded.agreed_items,
                full_model_once_cost_pico_usd = excluded.full_model_once_cost_pico_usd
            """
        return [LedgerGuard.lock(entries), settle.named("settle attempts"), LedgerGuard.sum(entries)]
    }

    /// The ledger's rows of a request, by step and number.
    public func ledger(of request: Request.ID) async throws -> [LedgerEntry] {
        let select: SQL = """
            SELECT step_ordinal, number, tenant_id, capability, task, kind, state, model, version, items, duration_us,
                started_at, error, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
                full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, guessed_items, agreed_items,
                full_model_once_cost_pico_usd
            FROM winnow.attempt WHERE request_id = \(RequestKey(request)) ORDER BY step_ordinal, number
            """
        return try await session.run { connection in
            let results = try connection.execute(select.named("read attempts"))
            return try results.flatMap { try $0.rows { try LedgerEntry($0, of: request) } }
        }
    }
}

/// What stands around every change of the ledger, so that the totals of a final request equal the sum of its rows.
private enum LedgerGuard {
    /// Before the change: from here on the requests neither become final nor change.
    static func lock(_ entries: [LedgerEntry]) -> SQL {
        let sql: SQL = "SELECT winnow.lock_requests(\(requests(entries)))"
        return sql.named("lock requests of attempts")
    }

    /// After the change.
    static func sum(_ entries: [LedgerEntry]) -> SQL {
        let sql: SQL = "SELECT winnow.sum_final_requests(\(requests(entries)))"
        return sql.named("sum final requests")
    }

    /// A check in the background is in no request's totals.
    private static func requests(_ entries: [LedgerEntry]) -> PostgresArray<RequestKey> {
        PostgresArray(Set(entries.lazy.filter { $0.attempt.kind != .shadow }.map { RequestKey($0.step.request) }))
    }
}

/// What identifies a row of the ledger.
private struct LedgerKey: Hashable {
    let step: Step.ID
    let number: Int

    init(_ entry: LedgerEntry) { (step, number) = (entry.step, entry.attempt.number) }
}

extension LedgerEntry {
    fileprivate init(_ row: PostgresRow, of request: Request.ID) throws {
        let totals = try LedgerTotals(row, from: 13)
        let attempt = Attempt(
            number: Int(try row.integer(1)), kind: try row.label(5), state: try row.label(6), model: row.text(7),
            version: row.text(8), items: Int(try row.integer(9)), usage: totals.usage,
            durationMicros: try row.integer(10), startedAt: try row.timestamp(11),
            counterfactual: totals.counterfactualUsage, error: row.optionalText(12))
        self.init(
            step: Step.ID(request: request, ordinal: Int(try row.integer(0))), tenant: TenantID(rawValue: row.text(2)),
            route: Route(Capability(rawValue: row.text(3)), row.text(4)), attempt: attempt, cost: totals.cost,
            counterfactualCost: totals.counterfactualCost, onceCost: PicoDollars(try row.integer(23)))
        guesses = Guesses(known: Int(try row.integer(21)), agreed: Int(try row.integer(22)))
    }
}
