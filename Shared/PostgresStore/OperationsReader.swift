import Contracts
import Store

/// Reads the `ops` views; a login that is a member of `winnow_ops` is enough.
public final class OperationsReader: Sendable {
    let session: PostgresSession

    public init(_ settings: PostgresSettings) { session = PostgresSession(settings) }

    /// The whole ledger that is kept, the dearest first; hours in their order. Tests are charged, and save nothing.
    public func costs(by grouping: CostGrouping) async throws -> OperationsReport {
        let group: StaticString
        switch grouping {
        case .capability: group = "capability"
        case .task: group = "capability || '/' || task"
        case .model: group = "model || '@' || version"
        case .tenant: group = "tenant"
        case .hour: group = #"to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"')"#
        }
        let select: SQL = """
            SELECT \(literal: group), sum(calls)::text, sum(items)::text, sum(input_tokens)::text,
                sum(output_tokens)::text, sum(flops)::text, sum(cost_pico_usd)::text,
                ops.usd(sum(cost_pico_usd))::text, (sum(full_model_cost_pico_usd) FILTER (WHERE NOT is_test))::text,
                ops.usd(sum(full_model_cost_pico_usd) FILTER (WHERE NOT is_test))::text,
                (sum(full_model_cost_pico_usd - cost_pico_usd) FILTER (WHERE NOT is_test))::text,
                ops.usd(sum(full_model_cost_pico_usd - cost_pico_usd) FILTER (WHERE NOT is_test))::text
            FROM \(literal: grouping == .hour ? "ops.capability_cost" : "ops.daily_cost")
            GROUP BY 1
            ORDER BY CASE WHEN \(grouping == .hour) THEN 0 ELSE sum(cost_pico_usd) END DESC, 1
            """
        let numbers = [
            "calls", "items", "input_tokens", "output_tokens", "flops", "cost_pico_usd", "cost_usd",
            "full_model_cost_pico_usd", "full_model_cost_usd", "saved_pico_usd", "saved_usd",
        ]
        return try await report(
            select.named("read costs"), [.init(grouping.rawValue)] + numbers.map { .number($0) })
    }

    /// Everything that is kept, without tests: what was spent on models and by the platform, and what the full model alone
    /// would have cost, asked item by item and once for each request.
    public func savings() async throws -> OperationsReport {
        let select: SQL = """
            SELECT what, pico::text, ops.usd(pico)::text, saved::text, ops.usd(saved)::text, share::text
            FROM ops.savings_total AS t CROSS JOIN LATERAL (VALUES
                (1, 'models', t.spent_pico_usd, NULL, NULL),
                (2, 'full model alone, item by item', t.full_model_pico_usd, t.saved_pico_usd, t.saved_share),
                (3, 'full model alone, each request once', t.full_model_once_pico_usd, t.saved_on_once_pico_usd,
                    t.saved_on_once_share),
                (4, 'platform, ' || t.platform_cpu_seconds || ' CPU seconds', t.platform_pico_usd, NULL, NULL))
                AS r (place, what, pico, saved, share)
            ORDER BY place
            """
        return try await report(
            select.named("read savings"),
            [.init("what")]
                + ["cost_pico_usd", "cost_usd", "saved_pico_usd", "saved_usd", "saved_share"].map { .number($0) })
    }

    /// What happened to a request, in the order of time.
    /// - Parameter id: Winnow's own id, or the integrator's, which several tenants may have used.
    public func timeline(of id: String) async throws -> OperationsReport {
        let requests = try await find(id).map { RequestKey($0.id) }
        let select: SQL = """
            SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), request_id::text, tenant, event,
                step::text, detail
            FROM ops.request_timeline WHERE request_id = ANY (\(PostgresArray(requests)))
            ORDER BY request_id, at, event LIKE 'request %' AND event <> 'request accepted', step NULLS FIRST, event
            """
        return try await report(
            select.named("read timeline"),
            [.init("at"), .init("request_id"), .init("tenant"), .init("event"), .number("step"), .init("detail")])
    }

    /// The requests of an id, Winnow's own or the integrator's, which several tenants may have used.
    public func find(_ id: String, tenant: TenantID? = nil) async throws -> [FoundRequest] {
        let select: SQL = """
            SELECT request_id, tenant, state FROM ops.request
            WHERE (event_id = \(id) OR request_id = \(Request.ID(id).map { RequestKey($0) }))
                AND (\(tenant?.rawValue) IS NULL OR tenant = \(tenant?.rawValue))
            ORDER BY request_id
            """
        return try await session.run { connection in
            try connection.execute(select.named("find request")).flatMap { result in
                try result.rows { row throws in
                    FoundRequest(
                        id: try row.requestKey(0).requestID(), tenant: TenantID(rawValue: row.text(1)),
                        state: try row.label(2))
                }
            }
        }
    }

    func report(_ select: SQL, _ columns: [OperationsReport.Column]) async throws -> OperationsReport {
        let rows = try await session.run { connection in
            try connection.execute(select).flatMap { result in
                result.rows { row in columns.indices.map { row.optionalText(Int32($0)) } }
            }
        }
        return OperationsReport(columns: columns, rows: rows)
    }
}
