import Contracts
import Store

/// Calls to be numbered and written before they are made.
struct StartBatch: Sendable {
    /// Marks what earlier processes left behind; another kind of call of the same step may be under way.
    let abandon: SQL
    /// The highest number of each step.
    let last: SQL
    /// The budgets of the tenants; locked, so that who reserves at the same time waits.
    let budgets: SQL
    private let tenants: PostgresArray<String>
    private let entries: [LedgerEntry]

    /// - Returns: `nil` when there are no calls.
    init?(_ entries: [LedgerEntry]) {
        let keys = entries.map { RequestKey($0.step.request) }
        guard let lowest = keys.min(), let highest = keys.max() else { return nil }
        self.entries = entries
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
        tenants = PostgresArray(Set(entries.map(\.tenant)).sorted().map(\.rawValue))
        let budgets: SQL = """
            SELECT tenant_id, period::text, policy::text, limit_pico_usd FROM winnow.budget
            WHERE tenant_id = ANY (\(tenants)) ORDER BY tenant_id, period FOR NO KEY UPDATE
            """
        self.budgets = budgets.named("lock budgets")
    }

    /// A statement behind the lock: it sees what others have reserved.
    var spent: SQL {
        let select: SQL = """
            SELECT winnow.budget_spent(tenant_id, period, clock_timestamp())::bigint FROM winnow.budget
            WHERE tenant_id = ANY (\(tenants)) ORDER BY tenant_id, period
            """
        return select.named("read budgets")
    }

    func room(_ budgets: PostgresResult, _ spent: PostgresResult) throws -> BudgetRoom {
        let limits = try budgets.rows { row throws in
            Budget(
                tenant: TenantID(rawValue: row.text(0)), period: try row.label(1),
                limit: PicoDollars(try row.integer(3)), policy: try row.label(2))
        }
        return BudgetRoom(Array(zip(limits, try spent.rows { row throws in try row.integer(0) })))
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
