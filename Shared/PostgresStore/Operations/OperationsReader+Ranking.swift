import Contracts
import Store

extension OperationsReader {
    /// All tasks that were requested in the last days (UTC, including today), the most used first.
    public func use(days: Int) async throws -> [TaskUse] {
        let select: SQL = """
            SELECT capability, task,
                coalesce(sum(items) FILTER (WHERE kind IN ('router', 'worker')), 0)::bigint AS small_model_items,
                coalesce(sum(items) FILTER (WHERE kind = 'full'), 0)::bigint AS escalated_items,
                least(coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'full'), 0), 9223372036854775807)::bigint
                    AS escalation_cost,
                coalesce(sum(guessed_items), 0)::bigint AS guessed_items,
                coalesce(sum(agreed_items), 0)::bigint AS agreed_items,
                EXISTS (
                    SELECT FROM ops.certificate AS c
                    WHERE c.capability = d.capability AND c.task = d.task AND c.state = 'standing') AS is_certified
            FROM ops.daily_cost AS d
            WHERE day > (now() AT TIME ZONE 'UTC')::date - \(Int32(clamping: days))
            GROUP BY capability, task ORDER BY small_model_items DESC, capability, task
            """
        return try await session.run { connection in
            try connection.execute(select.named("read use")).flatMap { result in
                try result.rows { row throws in
                    TaskUse(
                        route: try row.route(), items: try row.integer("small_model_items"),
                        escalatedItems: try row.integer("escalated_items"),
                        escalationCost: PicoDollars(try row.integer("escalation_cost")),
                        guessedItems: try row.integer("guessed_items"), agreedItems: try row.integer("agreed_items"),
                        isCertified: try row.bool("is_certified"))
                }
            }
        }
    }

    /// The latest items of the last days that fit no capability. Reads payload, which requires a login that owns the
    /// schema.
    public func unrouted(days: Int, limit: Int) async throws -> [UnroutedItem] {
        // PostgreSQL cannot extract text with a NUL from JSON.
        let select: SQL = """
            SELECT s.request_id, (i.place - 1)::bigint AS index, i.item ->> 'text' AS text,
                least(a.cost / greatest(a.items, 1), 9223372036854775807)::bigint AS cost,
                least(a.flops / greatest(a.items, 1), 9223372036854775807)::bigint AS flops
            FROM winnow.step AS s
            CROSS JOIN LATERAL json_array_elements(
                CASE WHEN s.items::text LIKE '%\\u0000%' THEN '[]' ELSE s.items END) WITH ORDINALITY AS i (item, place)
            JOIN LATERAL json_array_elements(s.answers) WITH ORDINALITY AS w (answer, place) USING (place)
            CROSS JOIN LATERAL (
                SELECT sum(cost_pico_usd) AS cost, sum(flops) AS flops, max(items) AS items FROM winnow.attempt AS a
                WHERE a.request_id = s.request_id AND a.step_ordinal = s.ordinal AND a.kind <> 'shadow') AS a
            WHERE s.capability = 'decomposition' AND s.state = 'answered' AND w.answer ->> 'label' = \(Answer.noRoute)
                AND s.request_id >= winnow.uuid_v7_floor(now() - make_interval(days => \(Int32(clamping: days))))
            ORDER BY s.request_id DESC, i.place LIMIT \(Int64(limit))
            """
        return try await session.run { connection in
            try connection.execute(select.named("read unrouted items")).flatMap { result in
                try result.rows { row throws in
                    UnroutedItem(
                        request: try row.requestKey().requestID(), index: Int(try row.integer("index")),
                        text: try row.text("text"), cost: PicoDollars(try row.integer("cost")),
                        flops: try row.integer("flops"))
                }
            }
        }
    }
}

extension OperationsReader {
    /// The costs in the columns of FOCUS 1.2, with one row per day, tenant, capability, task, model and kind of call.
    /// - Source: FinOps Open Cost and Usage Specification 1.2, including its formats of times and numbers
    public func focusCosts() async throws -> OperationsReport {
        let select: SQL = """
            SELECT "BilledCost"::text, "BillingAccountId", "BillingAccountName", "BillingCurrency",
                to_char("BillingPeriodEnd" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "BillingPeriodEnd",
                to_char("BillingPeriodStart" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "BillingPeriodStart",
                "ChargeCategory",
                "ChargeClass", "ChargeDescription", "ChargeFrequency",
                to_char("ChargePeriodEnd" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "ChargePeriodEnd",
                to_char("ChargePeriodStart" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "ChargePeriodStart",
                "ConsumedQuantity"::text, "ConsumedUnit", "ContractedCost"::text, "EffectiveCost"::text,
                "InvoiceIssuerName", "ListCost"::text, "PricingQuantity"::text, "PricingUnit", "ProviderName",
                "PublisherName", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SubAccountId",
                "SubAccountName", "Tags"::text, "x_Calls"::text, "x_Capability", "x_CounterfactualCost"::text,
                "x_CounterfactualOnceCost"::text, "x_IsTest"::text, "x_Items"::text, "x_Kind", "x_Task"
            FROM ops.focus_cost AS c
            ORDER BY c."ChargePeriodStart", c."SubAccountId", c."ChargeDescription", c."SkuId"
            """
        let names = [
            "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
            "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
            "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
            "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName",
            "PublisherName", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SubAccountId",
            "SubAccountName", "Tags", "x_Calls", "x_Capability", "x_CounterfactualCost", "x_CounterfactualOnceCost",
            "x_IsTest", "x_Items", "x_Kind", "x_Task",
        ]
        return try await report(select.named("read FOCUS costs"), names.map { .init($0) })
    }
}

/// The server's settings for durable commits. Every guarantee about requests depends on them.
public struct Durability: Sendable, Equatable {
    /// `synchronous_commit`. With `off`, a crash may lose acknowledged commits.
    public var synchronousCommit: String
    /// `fsync`. Without it, a crash of the machine may damage the whole database.
    public var syncsToDisk: Bool
    /// `synchronous_standby_names`. Empty if commits wait for no standby.
    public var synchronousStandbys: String
    /// The number of connected standbys, including those for which no commit waits.
    public var standbys: Int

    public init(synchronousCommit: String, syncsToDisk: Bool, synchronousStandbys: String, standbys: Int) {
        self.synchronousCommit = synchronousCommit
        self.syncsToDisk = syncsToDisk
        self.synchronousStandbys = synchronousStandbys
        self.standbys = standbys
    }

    /// Sentences that name an event and what it would lose, the worst risk first. Empty if a committed request survives
    /// the loss of the server.
    public var risks: [String] {
        var risks: [String] = []
        if !syncsToDisk { risks.append("fsync is off: a crash of the machine may damage the database") }
        if ["off", "local"].contains(synchronousCommit), !synchronousStandbys.isEmpty || synchronousCommit == "off" {
            risks.append(
                "synchronous_commit is \(synchronousCommit): a crash loses acknowledged transactions")
        }
        if synchronousStandbys.isEmpty {
            risks.append(
                standbys == 0
                    ? "no standby: accepted requests are lost with the server's disk"
                    : "no commit waits for a standby: a failover loses the last accepted requests")
        }
        return risks
    }
}

extension OperationsReader {
    /// Reads settings that every login may read.
    public func durability() async throws -> Durability {
        let select: SQL = """
            SELECT current_setting('synchronous_commit') AS commit, current_setting('fsync') AS fsync,
                current_setting('synchronous_standby_names') AS names,
                (SELECT count(*) FROM pg_stat_replication) AS standbys
            """
        return try await session.run { connection in
            let result = try connection.execute(select.named("read durability"))[0]
            let found = try result.first { row throws in
                Durability(
                    synchronousCommit: try row.text("commit"), syncsToDisk: try row.text("fsync") == "on",
                    synchronousStandbys: try row.text("names"), standbys: Int(try row.integer("standbys")))
            }
            return found
                ?? Durability(
                    synchronousCommit: "", syncsToDisk: false, synchronousStandbys: "", standbys: 0)
        }
    }
}
