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

    public func reserve(
        _ calls: [(entry: LedgerEntry, question: QuestionDigest)], _ begin: @escaping Begin
    ) async throws -> [Reservation] {
        let entries = calls.map(\.entry)
        guard let batch = StartBatch(entries) else { return [] }
        let readAnswers = PaidAnswerRows.reading(calls.map { ($0.entry.step, $0.question) })
        return try await session.run { connection in
            let read = try connection.execute(
                "BEGIN", LedgerGuard.lock(entries), readAnswers, batch.abandon, batch.last, batch.instant,
                batch.lockBudgets)
            let answers = try PaidAnswerRows.answers(read[2])
            let instant = try Self.instant(read[5])
            var room = try batch.room(read[6], at: instant, on: connection)
            var begun: [LedgerEntry] = []
            let decisions: [Reservation?] = try entries.enumerated().map { place, entry in
                if let answers = answers[place] { return .answered(answers) }
                let entry = try begin(entry, instant)
                if let budget = room.reserve(entry) { return .refused(budget) }
                begun.append(entry)
                return nil
            }
            var started = try Self.write(try batch.numbered(begun, after: read[4]), on: connection)[...]
            return decisions.compactMap { $0 ?? started.popFirst().map { .started($0) } }
        }
    }

    public func recover(
        _ questions: [(step: Step.ID, question: QuestionDigest)], of kind: Attempt.Kind
    ) async throws -> [[Answer]?] {
        guard !questions.isEmpty else { return [] }
        let steps = Set(questions.map(\.step))
        let requests = PostgresArray(Set(steps.map { RequestKey($0.request) }))
        let lock: SQL = "SELECT winnow.lock_requests(\(requests))"
        let abandon = StartBatch.abandon(steps.map { ($0, kind) })
        let readAnswers = PaidAnswerRows.reading(questions)
        // Without BEGIN, the statements are one transaction.
        return try await session.run { connection in
            let read = try connection.execute(lock.named("lock requests of attempts"), abandon, readAnswers)
            let answers = try PaidAnswerRows.answers(read[2])
            return questions.indices.map { answers[$0] }
        }
    }

    private static func instant(_ result: PostgresResult) throws -> Timestamp {
        guard let instant = try result.first({ row throws in try row.timestamp(.only) }) else {
            throw StoreError.unreadable("the instant")
        }
        return instant
    }

    /// Writes the calls and commits the transaction.
    private static func write(_ entries: [LedgerEntry], on connection: PostgresConnection) throws -> [LedgerEntry] {
        let insert: SQL = "\(insert: EntryRows(entries))"
        do {
            try connection.execute(
                (entries.isEmpty ? [] : [insert.named("start attempts"), LedgerGuard.sum(entries)]) + ["COMMIT"])
        } catch let error as StoreError where (error.underlying as? PostgresFault)?.sqlState == "23505" {
            // Another process has used the number at the same time. The session retries and counts again.
            throw StoreError(.conflict, error.message, isRetriable: true, underlying: error.underlying)
        }
        return entries
    }

    /// Also inserts rows that were never started, so that no cost is missing.
    public func settle(_ entries: [LedgerEntry], keeping answers: [PaidAnswer]) async throws {
        guard !entries.isEmpty else { return }
        var statements = Self.settlement(of: entries)
        if !answers.isEmpty { statements.append(PaidAnswerRows(answers).statement) }
        let settlement = statements
        try await session.run { connection in _ = try connection.execute(settlement) }
    }

    /// Without BEGIN, the statements are one transaction.
    static func settlement(of entries: [LedgerEntry]) -> [SQL] {
        // One statement cannot change a row twice. The last entry of a call counts.
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
                full_model_once_cost_pico_usd = excluded.full_model_once_cost_pico_usd,
                cached_input_tokens = excluded.cached_input_tokens, is_estimated = excluded.is_estimated
            """
        return [LedgerGuard.lock(entries), settle.named("settle attempts"), LedgerGuard.sum(entries)]
    }

    public func ledger(of request: Request.ID) async throws -> [LedgerEntry] {
        let select: SQL = """
            SELECT step_ordinal, number, tenant_id, capability, task, kind, state, model, version, items, duration_us,
                started_at, error, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
                full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, guessed_items, agreed_items,
                full_model_once_cost_pico_usd, cached_input_tokens, is_estimated
            FROM winnow.attempt WHERE request_id = \(RequestKey(request)) ORDER BY step_ordinal, number
            """
        return try await session.run { connection in
            let results = try connection.execute(select.named("read attempts"))
            return try results.flatMap { result in
                let totals = try LedgerTotals.Columns(result)
                return try result.rows { row throws in try LedgerEntry(row, totals, of: request) }
            }
        }
    }
}

/// Statements before and after every change of the ledger, so that a final request's totals equal the sum of its rows.
private enum LedgerGuard {
    /// Must run before the change. From here on the requests neither become final nor change.
    static func lock(_ entries: [LedgerEntry]) -> SQL {
        let sql: SQL = "SELECT winnow.lock_requests(\(requests(entries)))"
        return sql.named("lock requests of attempts")
    }

    /// Must run after the change.
    static func sum(_ entries: [LedgerEntry]) -> SQL {
        let sql: SQL = "SELECT winnow.sum_final_requests(\(requests(entries)))"
        return sql.named("sum final requests")
    }

    /// Background comparisons are not part of any request's totals.
    private static func requests(_ entries: [LedgerEntry]) -> PostgresArray<RequestKey> {
        PostgresArray(Set(entries.lazy.filter { $0.attempt.kind != .shadow }.map { RequestKey($0.step.request) }))
    }
}

/// The key of a ledger row.
private struct LedgerKey: Hashable {
    let step: Step.ID
    let number: Int

    init(_ entry: LedgerEntry) { (step, number) = (entry.step, entry.attempt.number) }
}

extension LedgerEntry {
    fileprivate init(_ row: PostgresRow, _ columns: LedgerTotals.Columns, of request: Request.ID) throws {
        let totals = try LedgerTotals(row, columns)
        let attempt = Attempt(
            number: Int(try row.integer("number")), kind: try row.label("kind"), state: try row.label("state"),
            model: try row.text("model"), version: try row.text("version"), items: Int(try row.integer("items")),
            usage: totals.usage, durationMicros: try row.integer("duration_us"),
            startedAt: try row.timestamp("started_at"), counterfactual: totals.counterfactualUsage,
            error: try row.optionalText("error"), cachedInputTokens: try row.integer("cached_input_tokens"),
            isEstimated: try row.bool("is_estimated"))
        self.init(
            step: Step.ID(request: request, ordinal: Int(try row.integer("step_ordinal"))), tenant: try row.tenant(),
            route: try row.route(), attempt: attempt, cost: totals.cost,
            counterfactualCost: totals.counterfactualCost,
            onceCost: PicoDollars(try row.integer("full_model_once_cost_pico_usd")))
        guesses = Guesses(
            known: Int(try row.integer("guessed_items")), agreed: Int(try row.integer("agreed_items")))
    }
}

/// Ledger entries as columns.
struct EntryRows {
    var keys = PostgresArray<RequestKey>()
    var ordinals = PostgresArray<Int16>()
    var numbers = PostgresArray<Int16>()
    var tenants = PostgresArray<String>()
    var capabilities = PostgresArray<String>()
    var tasks = PostgresArray<String>()
    var kinds = PostgresArray<String>()
    var states = PostgresArray<String>()
    var models = PostgresArray<String>()
    var versions = PostgresArray<String>()
    var items = PostgresArray<Int32>()
    var durations = PostgresArray<Int64>()
    /// Input tokens, output tokens, flops and cost, then the same four of the full model.
    var amounts = [PostgresArray<Int64>](repeating: PostgresArray(), count: 8)
    /// The full model's cost with a single question for the whole request.
    var onceCosts = PostgresArray<Int64>()
    var guessed = PostgresArray<Int32>()
    var agreed = PostgresArray<Int32>()
    var cachedTokens = PostgresArray<Int64>()
    var areEstimated = PostgresArray<Bool>()
    var errors = PostgresArray<String>()
    var startedAt = PostgresArray<Timestamp>()
    var settledAt = PostgresArray<Timestamp>()

    init(_ entries: some Sequence<LedgerEntry>) {
        for entry in entries { append(entry) }
    }

    var isEmpty: Bool { keys.count == 0 }

    private mutating func append(_ entry: LedgerEntry) {
        let attempt = entry.attempt
        keys.append(RequestKey(entry.step.request))
        ordinals.append(Int16(clamping: entry.step.ordinal))
        numbers.append(Int16(clamping: attempt.number))
        tenants.append(entry.tenant.rawValue)
        capabilities.append(entry.route.capability.rawValue)
        tasks.append(entry.route.task)
        kinds.append(attempt.kind.rawValue)
        states.append(attempt.state.rawValue)
        models.append(attempt.model)
        versions.append(attempt.version)
        items.append(Int32(clamping: attempt.items))
        durations.append(attempt.durationMicros)
        let totals = LedgerTotals(
            usage: attempt.usage, cost: entry.cost, counterfactualUsage: attempt.counterfactual,
            counterfactualCost: entry.counterfactualCost)
        for (index, value) in totals.columns.enumerated() { amounts[index].append(value) }
        onceCosts.append(entry.onceCost.amount)
        guessed.append(Int32(clamping: entry.guesses.known))
        agreed.append(Int32(clamping: entry.guesses.agreed))
        cachedTokens.append(attempt.cachedInputTokens)
        areEstimated.append(attempt.isEstimated)
        errors.append(attempt.error)
        startedAt.append(attempt.startedAt)
        let isSettled = attempt.state == .settled || attempt.state == .failed
        settledAt.append(isSettled ? attempt.startedAt.adding(milliseconds: attempt.durationMicros / 1000) : nil)
    }
}
