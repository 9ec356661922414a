import Contracts
import Store

/// Calls to number and write before they are made.
struct StartBatch: Sendable {
    /// Marks calls of earlier processes as unknown. A call of another kind for the same step may be in progress.
    let abandon: SQL
    /// Reads the highest number of each step.
    let last: SQL
    /// Reads the instant of the transaction.
    /// - Returns: one row.
    let instant: SQL
    /// Locks the budgets of the tenants, so that concurrent reservations wait.
    let lockBudgets: SQL

    /// - Returns: `nil` if there are no calls.
    init?(_ entries: [LedgerEntry]) {
        let keys = entries.map { RequestKey($0.step.request) }
        guard let lowest = keys.min(), let highest = keys.max() else { return nil }
        let requests = PostgresArray(keys)
        abandon = Self.abandon(entries.filter { !$0.isOneOfSeveral }.map { ($0.step, $0.attempt.kind) })
        let last: SQL = """
            SELECT a.request_id, a.step_ordinal, max(a.number) AS last_number FROM winnow.attempt AS a
            WHERE a.request_id = ANY (\(requests)) AND a.request_id BETWEEN \(lowest) AND \(highest)
            GROUP BY a.request_id, a.step_ordinal
            """
        self.last = last.named("number attempts")
        let instant: SQL = "SELECT now()"
        self.instant = instant.named("read instant")
        let limited = entries.lazy.filter { $0.attempt.kind == .full }.map(\.tenant)
        let tenants = PostgresArray(Set(limited).sorted().map(\.rawValue))
        let lock: SQL = """
            SELECT tenant_id, period::text AS period FROM winnow.budget
            WHERE tenant_id = ANY (\(tenants)) ORDER BY tenant_id, period FOR NO KEY UPDATE
            """
        lockBudgets = lock.named("lock budgets")
    }

    /// Marks the `started` calls of steps as unknown.
    static func abandon(_ calls: [(step: Step.ID, kind: Attempt.Kind)]) -> SQL {
        let keys = calls.map { RequestKey($0.step.request) }
        let requests = PostgresArray(keys)
        let ordinals = PostgresArray(calls.map { Int16(clamping: $0.step.ordinal) })
        let kinds = PostgresArray(calls.map(\.kind.rawValue))
        let abandon: SQL = """
            UPDATE winnow.attempt AS a SET state = 'unknown'
            FROM unnest(\(requests), \(ordinals), \(kinds)) AS u (request_id, step_ordinal, kind)
            WHERE a.request_id = u.request_id AND a.step_ordinal = u.step_ordinal
                AND a.kind = u.kind::winnow.attempt_kind AND a.state = 'started'
                AND a.request_id BETWEEN \(keys.min()) AND \(keys.max())
            """
        return abandon.named("abandon attempts")
    }

    /// Reads the remaining amounts of the locked budgets at an instant.
    ///
    /// This is a separate statement after the lock, so it sees the reservations of others. Limits and sums are read
    /// together, and only for the locked budgets. A budget that was set in the meantime applies from the next call on.
    func room(
        _ locked: PostgresResult, at instant: Timestamp, on connection: PostgresConnection
    ) throws -> BudgetRoom {
        let keys = try locked.rows { (tenant: try $0.text("tenant_id"), period: try $0.text("period")) }
        guard !keys.isEmpty else { return BudgetRoom([]) }
        let (tenants, periods) = (PostgresArray(keys.map(\.tenant)), PostgresArray(keys.map(\.period)))
        let read: SQL = """
            SELECT b.tenant_id, b.period::text AS period, b.policy::text AS policy, b.limit_pico_usd,
                least(winnow.budget_spent(b.tenant_id, b.period, \(instant)), \(Int64.max))::bigint AS spent
            FROM unnest(\(tenants), \(periods)) AS u (tenant_id, period)
            JOIN winnow.budget AS b ON b.tenant_id = u.tenant_id AND b.period = u.period::winnow.budget_period
            """
        return BudgetRoom(
            try connection.execute(read.named("read budgets"))[0].rows { row throws in
                let budget = Budget(
                    tenant: try row.tenant(), period: try row.label("period"),
                    limit: PicoDollars(try row.integer("limit_pico_usd")), policy: try row.label("policy"))
                return (budget, PicoDollars(try row.integer("spent")))
            })
    }

    /// Returns the entries with their numbers. A number is one above the highest number of its step. It is never below
    /// the given number, since the attempts that an escalation carries have no rows yet.
    func numbered(_ entries: [LedgerEntry], after last: PostgresResult) throws -> [LedgerEntry] {
        let ids = Dictionary(entries.map { (RequestKey($0.step.request), $0.step.request) }) { first, _ in first }
        var numbers: [Step.ID: Int] = [:]
        _ = try last.rows { row throws in
            guard let request = ids[try row.requestKey()] else { return }
            let step = Step.ID(request: request, ordinal: Int(try row.integer("step_ordinal")))
            numbers[step] = Int(try row.integer("last_number"))
        }
        return entries.map { entry in
            var entry = entry
            entry.attempt.state = .started
            entry.attempt.number = max(entry.attempt.number, numbers[entry.step, default: 0] + 1)
            numbers[entry.step] = entry.attempt.number
            return entry
        }
    }
}
