import Contracts
import Store

/// Calls to be numbered and written before they are made.
struct StartBatch: Sendable {
    /// Marks what earlier processes left behind; another kind of call of the same step may be under way.
    let abandon: SQL
    /// The highest number of each step.
    let last: SQL
    /// The instant of the transaction. - Returns: one row.
    let instant: SQL
    /// Locks the budgets of the tenants, so that whoever reserves at the same time waits.
    let lockBudgets: SQL

    /// - Returns: `nil` when there are no calls.
    init?(_ entries: [LedgerEntry]) {
        let keys = entries.map { RequestKey($0.step.request) }
        guard let lowest = keys.min(), let highest = keys.max() else { return nil }
        let requests = PostgresArray(keys)
        let ordinals = PostgresArray(entries.map { Int16(clamping: $0.step.ordinal) })
        let kinds = PostgresArray(entries.map(\.attempt.kind.rawValue))
        let abandon: SQL = """
            UPDATE winnow.attempt AS a SET state = 'unknown'
            FROM unnest(\(requests), \(ordinals), \(kinds)) AS u (request_id, step_ordinal, kind)
            WHERE a.request_id = u.request_id AND a.step_ordinal = u.step_ordinal
                AND a.kind = u.kind::winnow.attempt_kind AND a.state = 'started'
                AND a.request_id BETWEEN \(lowest) AND \(highest)
            """
        self.abandon = abandon.named("abandon attempts")
        let last: SQL = """
            SELECT a.request_id, a.step_ordinal, max(a.number) FROM winnow.attempt AS a
            WHERE a.request_id = ANY (\(requests)) AND a.request_id BETWEEN \(lowest) AND \(highest)
            GROUP BY a.request_id, a.step_ordinal
            """
        self.last = last.named("number attempts")
        let instant: SQL = "SELECT now()"
        self.instant = instant.named("read instant")
        let tenants = PostgresArray(Set(entries.map(\.tenant)).sorted().map(\.rawValue))
        let lock: SQL = """
            SELECT tenant_id, period::text FROM winnow.budget
            WHERE tenant_id = ANY (\(tenants)) ORDER BY tenant_id, period FOR NO KEY UPDATE
            """
        lockBudgets = lock.named("lock budgets")
    }

    /// What is left of the locked budgets at an instant.
    ///
    /// A statement behind the lock: it sees what others have reserved. Limits and sums are read together, for the budgets
    /// that are locked and no others: one that was set in between counts from the next call on.
    func room(
        _ locked: PostgresResult, at instant: Timestamp, on connection: PostgresConnection
    ) throws -> BudgetRoom {
        let keys = locked.rows { (tenant: $0.text(0), period: $0.text(1)) }
        guard !keys.isEmpty else { return BudgetRoom([]) }
        let (tenants, periods) = (PostgresArray(keys.map(\.tenant)), PostgresArray(keys.map(\.period)))
        let read: SQL = """
            SELECT b.tenant_id, b.period::text, b.policy::text, b.limit_pico_usd,
                least(winnow.budget_spent(b.tenant_id, b.period, \(instant)), \(Int64.max))::bigint
            FROM unnest(\(tenants), \(periods)) AS u (tenant_id, period)
            JOIN winnow.budget AS b ON b.tenant_id = u.tenant_id AND b.period = u.period::winnow.budget_period
            """
        return BudgetRoom(
            try connection.execute(read.named("read budgets"))[0].rows { row throws in
                let budget = Budget(
                    tenant: TenantID(rawValue: row.text(0)), period: try row.label(1),
                    limit: PicoDollars(try row.integer(3)), policy: try row.label(2))
                return (budget, PicoDollars(try row.integer(4)))
            })
    }

    /// The entries as they are written: a number is one above the highest of its step, and never below the one given,
    /// for attempts that an escalation carries are in no row yet.
    func numbered(_ entries: [LedgerEntry], after last: PostgresResult) throws -> [LedgerEntry] {
        let ids = Dictionary(entries.map { (RequestKey($0.step.request), $0.step.request) }) { first, _ in first }
        var numbers: [Step.ID: Int] = [:]
        _ = try last.rows { row throws in
            guard let request = ids[try row.requestKey(0)] else { return }
            let step = Step.ID(request: request, ordinal: Int(try row.integer(1)))
            numbers[step] = Int(try row.integer(2))
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
