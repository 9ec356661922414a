import Contracts
import Store

/// How a capability's task was used in a period, and what of it the full model had to do.
public struct TaskUse: Sendable, Equatable {
    public var route: Route
    /// That a small model, or the router, was asked about.
    public var items: Int64
    /// Calls of the full model count again where they were repeated.
    public var escalatedItems: Int64
    public var escalationCost: PicoDollars
    /// Escalated items of which the small model's answer is known, and of which it was the full model's.
    public var guessedItems: Int64
    public var agreedItems: Int64
    public var isCertified: Bool

    public init(
        route: Route, items: Int64, escalatedItems: Int64, escalationCost: PicoDollars, guessedItems: Int64,
        agreedItems: Int64, isCertified: Bool
    ) {
        self.route = route
        self.items = items
        self.escalatedItems = escalatedItems
        self.escalationCost = escalationCost
        self.guessedItems = guessedItems
        self.agreedItems = agreedItems
        self.isCertified = isCertified
    }
}

/// An item that the router, or the full model in its place, gave to no capability. Holds payload.
public struct UnroutedItem: Sendable, Equatable {
    public var request: Request.ID
    /// Its place in the routing step.
    public var index: Int
    public var text: String
    /// Its share of what the routing of its request cost.
    public var cost: PicoDollars
    public var flops: Int64

    public init(request: Request.ID, index: Int, text: String, cost: PicoDollars, flops: Int64) {
        self.request = request
        self.index = index
        self.text = text
        self.cost = cost
        self.flops = flops
    }
}

extension OperationsReader {
    /// Every task that was asked for in the last days (UTC, today among them), the most used first.
    public func use(days: Int) async throws -> [TaskUse] {
        let select: SQL = """
            SELECT capability, task,
                coalesce(sum(items) FILTER (WHERE kind IN ('router', 'worker')), 0)::bigint,
                coalesce(sum(items) FILTER (WHERE kind = 'full'), 0)::bigint,
                least(coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'full'), 0), 9223372036854775807)::bigint,
                coalesce(sum(guessed_items), 0)::bigint, coalesce(sum(agreed_items), 0)::bigint,
                EXISTS (
                    SELECT FROM ops.certificate AS c
                    WHERE c.capability = d.capability AND c.task = d.task AND c.state = 'standing')
            FROM ops.daily_cost AS d
            WHERE day > (now() AT TIME ZONE 'UTC')::date - \(Int32(clamping: days))
            GROUP BY capability, task ORDER BY 3 DESC, 1, 2
            """
        return try await session.run { connection in
            try connection.execute(select.named("read use")).flatMap { result in
                try result.rows { row throws in
                    TaskUse(
                        route: Route(Capability(rawValue: row.text(0)), row.text(1)), items: try row.integer(2),
                        escalatedItems: try row.integer(3), escalationCost: PicoDollars(try row.integer(4)),
                        guessedItems: try row.integer(5), agreedItems: try row.integer(6), isCertified: row.bool(7))
                }
            }
        }
    }

    /// The newest items of the last days that no capability fits. Reads payload, which needs a login that owns the schema.
    public func unrouted(days: Int, limit: Int) async throws -> [UnroutedItem] {
        // A text with a NUL cannot leave JSON in PostgreSQL.
        let select: SQL = """
            SELECT s.request_id, (i.place - 1)::bigint, i.item ->> 'text',
                least(a.cost / greatest(a.items, 1), 9223372036854775807)::bigint,
                least(a.flops / greatest(a.items, 1), 9223372036854775807)::bigint
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
                        request: try row.requestKey(0).requestID(), index: Int(try row.integer(1)), text: row.text(2),
                        cost: PicoDollars(try row.integer(3)), flops: try row.integer(4))
                }
            }
        }
    }
}
