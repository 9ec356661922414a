import Contracts
import Store

/// Reads the `ops` views. A login that is a member of `winnow_ops` is sufficient.
public final class OperationsReader: Sendable {
    let session: PostgresSession

    public init(_ settings: PostgresSettings) { session = PostgresSession(settings) }

    /// The costs of the whole ledger within its retention, the highest first; hours in ascending order. Tests have
    /// costs but no savings.
    public func costs(by grouping: CostGrouping) async throws -> OperationsReport {
        let group: StaticString
        switch grouping {
        case .capability: group = "capability"
        case .task: group = "capability || '/' || task AS task"
        case .model: group = "model || '@' || version AS model"
        case .tenant: group = "tenant"
        case .hour: group = #"to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"') AS hour"#
        }
        let select: SQL = """
            SELECT \(literal: group), sum(calls)::text AS calls, sum(items)::text AS items,
                sum(input_tokens)::text AS input_tokens, sum(output_tokens)::text AS output_tokens,
                sum(flops)::text AS flops, sum(cost_pico_usd)::text AS cost_pico_usd,
                ops.usd(sum(cost_pico_usd))::text AS cost_usd,
                (sum(full_model_cost_pico_usd) FILTER (WHERE NOT is_test))::text AS full_model_cost_pico_usd,
                ops.usd(sum(full_model_cost_pico_usd) FILTER (WHERE NOT is_test))::text AS full_model_cost_usd,
                (sum(full_model_cost_pico_usd - cost_pico_usd) FILTER (WHERE NOT is_test))::text AS saved_pico_usd,
                ops.usd(sum(full_model_cost_pico_usd - cost_pico_usd) FILTER (WHERE NOT is_test))::text AS saved_usd
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

    /// All costs within retention, without tests: the costs of models and of the platform, and the costs of the full
    /// model alone with one question per item and with one question per request.
    public func savings() async throws -> OperationsReport {
        let select: SQL = """
            SELECT what, pico::text AS cost_pico_usd, ops.usd(pico)::text AS cost_usd, saved::text AS saved_pico_usd,
                ops.usd(saved)::text AS saved_usd, share::text AS saved_share
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

    /// The events of a request in the order of time.
    /// - Parameter id: Winnow's own id, or the integrator's id, which several tenants may have used.
    public func timeline(of id: String) async throws -> OperationsReport {
        let requests = try await find(id).map { RequestKey($0.id) }
        let select: SQL = """
            SELECT to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, request_id::text, tenant,
                event, step::text, detail
            FROM ops.request_timeline AS t WHERE request_id = ANY (\(PostgresArray(requests)))
            ORDER BY t.request_id, t.at, event LIKE 'request %' AND event <> 'request accepted', t.step NULLS FIRST, event
            """
        return try await report(
            select.named("read timeline"),
            [.init("at"), .init("request_id"), .init("tenant"), .init("event"), .number("step"), .init("detail")])
    }

    /// Finds requests by Winnow's own id, or by the integrator's id, which several tenants may have used.
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
                        id: try row.requestKey().requestID(), tenant: try row.tenant("tenant"),
                        state: try row.label("state"))
                }
            }
        }
    }

    /// - Parameter select: returns at least `columns`, all as text. It must qualify the names in ORDER BY with their
    ///   table: a name alone would mean the output column, which is text and sorts 10 before 9.
    func report(_ select: SQL, _ columns: [OperationsReport.Column]) async throws -> OperationsReport {
        let rows = try await session.run { connection in
            try connection.execute(select).flatMap { result in
                let positions = try columns.map { try result.column($0.name) }
                return try result.rows { row throws in try positions.map { try row.optionalText($0) } }
            }
        }
        return OperationsReport(columns: columns, rows: rows)
    }
}

/// A table for people and programs. All values are text.
public struct OperationsReport: Sendable, Equatable {
    public struct Column: Sendable, Equatable {
        public let name: String
        public let isNumber: Bool

        public init(_ name: String, isNumber: Bool = false) {
            self.name = name
            self.isNumber = isNumber
        }

        public static func number(_ name: String) -> Column { Column(name, isNumber: true) }
    }

    public let columns: [Column]
    public let rows: [[String?]]

    public init(columns: [Column], rows: [[String?]]) {
        self.columns = columns
        self.rows = rows
    }
}

/// The dimension by which costs are grouped.
public enum CostGrouping: String, Sendable, CaseIterable { case capability, task, model, tenant, hour }

extension OperationsReader {
    /// The budgets for escalations with their remaining amounts.
    /// - Parameter tenant: `nil` for all tenants.
    public func budgets(of tenant: TenantID?) async throws -> OperationsReport {
        let select: SQL = """
            SELECT tenant, period, policy, limit_pico_usd::text, spent_pico_usd::text, left_pico_usd::text,
                limit_usd::text, spent_usd::text, ops.usd(left_pico_usd)::text AS left_usd,
                to_char(renews_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS renews_at
            FROM ops.budget AS b WHERE \(tenant?.rawValue) IS NULL OR tenant = \(tenant?.rawValue)
            ORDER BY b.tenant, b.renews_at
            """
        let numbers = [
            "limit_pico_usd", "spent_pico_usd", "left_pico_usd", "limit_usd", "spent_usd", "left_usd",
        ]
        return try await report(
            select.named("read budgets"),
            [.init("tenant"), .init("period"), .init("policy")] + numbers.map { .number($0) } + [.init("renews_at")])
    }
}

extension OperationsReader {
    /// The certificates by task, the newest first.
    /// - Parameter all: whether to include certificates that are no longer valid.
    public func certificates(all: Bool) async throws -> OperationsReport {
        let select: SQL = """
            SELECT certificate_id AS id, capability || '/' || task AS task, version::text, state, small_model, full_model,
                alpha::text, delta::text, threshold::text, items::text, accepted::text, disagreements::text, bound::text,
                escalation_rate::text, saving::text, to_char(certified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS certified_at,
                (SELECT count(*) FROM ops.tenant_revocation AS r WHERE r.certificate_id = c.certificate_id)::text
                    AS revoked_tenants, reason
            FROM ops.certificate AS c WHERE \(all) OR state = 'standing'
            ORDER BY c.capability, c.task, c.version DESC
            """
        let numbers = [
            "alpha", "delta", "threshold", "items", "accepted", "disagreements", "bound", "escalation_rate", "saving",
        ]
        return try await report(
            select.named("list certificates"),
            [
                .init("id"), .init("task"), .number("version"), .init("state"), .init("small_model"),
                .init("full_model"),
            ] + numbers.map { .number($0) }
                + [.init("certified_at"), .number("revoked_tenants"), .init("reason")])
    }

    /// The revocations of certificates for single tenants, the newest first.
    public func tenantRevocations() async throws -> OperationsReport {
        let select: SQL = """
            SELECT tenant, certificate_id AS certificate, capability || '/' || task AS task,
                to_char(revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS revoked_at, reason
            FROM ops.tenant_revocation AS r ORDER BY r.revoked_at DESC, r.certificate_id, r.tenant
            """
        return try await report(
            select.named("list revocations of tenants"),
            [.init("tenant"), .init("certificate"), .init("task"), .init("revoked_at"), .init("reason")])
    }
}

extension OperationsReader {
    /// The processes of the suite by service, the oldest first.
    /// - Parameter stopped: whether to include processes that have ended normally.
    public func instances(stopped: Bool) async throws -> OperationsReport {
        let select: SQL = """
            SELECT instance_id AS id, service, host, pid::text, version, state, partitions::text,
                to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS started_at, beat_age_seconds::text
            FROM ops.instance AS i WHERE \(stopped) OR state <> 'stopped'
            ORDER BY i.service, i.started_at, i.instance_id
            """
        return try await report(
            select.named("read instances"),
            [
                .init("id"), .init("service"), .init("host"), .number("pid"), .init("version"), .init("state"),
                .number("partitions"), .init("started_at"), .number("beat_age_seconds"),
            ])
    }

    /// - Returns: `nil` if there is no such instance.
    public func find(_ instance: Instance.ID) async throws -> FoundInstance? {
        let select: SQL = """
            SELECT service, state, partitions FROM ops.instance WHERE instance_id = \(instance.description)
            """
        return try await session.run { connection in
            try connection.execute(select.named("find instance")).flatMap { result in
                try result.rows { row throws in
                    FoundInstance(
                        service: try row.text("service"), state: try row.text("state"),
                        partitions: Int(try row.integer("partitions")))
                }
            }.first
        }
    }
}

extension OperationsReader {
    /// All prices by model, the newest first.
    public func prices() async throws -> OperationsReport {
        let select: SQL = """
            SELECT model, input_token_pico_usd::text, output_token_pico_usd::text,
                input_usd_per_million_tokens::text, output_usd_per_million_tokens::text,
                to_char(valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS valid_from,
                to_char(valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS valid_until
            FROM ops.price AS p ORDER BY p.model, p.valid_from DESC
            """
        return try await report(
            select.named("read price list"),
            [
                .init("model"), .number("input_token_pico_usd"), .number("output_token_pico_usd"),
                .number("input_usd_per_million_tokens"), .number("output_usd_per_million_tokens"), .init("valid_from"),
                .init("valid_until"),
            ])
    }
}

extension OperationsReader {
    /// The tenants that have sent requests or have a weight, those with the most waiting requests first.
    public func tenants() async throws -> OperationsReport {
        let select: SQL = """
            SELECT tenant, weight::text, open_requests::text, waiting_requests::text,
                CASE WHEN is_test THEN 'yes' ELSE 'no' END AS test
            FROM ops.tenant AS t ORDER BY t.waiting_requests DESC, t.open_requests DESC, t.tenant
            """
        return try await report(
            select.named("read tenants"),
            [.init("tenant"), .number("weight"), .number("open_requests"), .number("waiting_requests"), .init("test")])
    }
}
