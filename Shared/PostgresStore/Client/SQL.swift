/// A statement with separate values: `\(x)` in its literal is a bind `$n`, never text.
struct SQL: ExpressibleByStringInterpolation, Sendable {
    private(set) var text: String
    /// The binds in binary format, concatenated.
    private(set) var values: [UInt8]
    private(set) var binds: [Bind]
    /// The name of the statement in errors and logs.
    private(set) var name: StaticString = "statement"

    struct Bind: Sendable {
        let typeID: UInt32
        /// `nil` for NULL.
        let range: Range<Int>?
    }

    init(stringLiteral text: String) { (self.text, values, binds) = (text, [], []) }

    init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        values = stringInterpolation.values
        binds = stringInterpolation.binds
    }

    func named(_ name: StaticString) -> SQL {
        var sql = self
        sql.name = name
        return sql
    }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""
        fileprivate var values: [UInt8] = []
        fileprivate var binds: [Bind] = []

        init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 3)
            binds.reserveCapacity(interpolationCount)
        }

        mutating func appendLiteral(_ literal: String) { text += literal }

        mutating func appendInterpolation<Value: PostgresValue>(_ value: Value?) {
            let start = values.count
            value?.encode(into: &values)
            bind(Value.typeID, value == nil ? nil : start..<values.count)
        }

        mutating func appendInterpolation<Element>(_ array: PostgresArray<Element>) {
            let start = values.count
            values.append(contentsOf: array.bytes)
            values.replace(at: start + 12, bigEndian: Int32(array.count))
            bind(Element.arrayTypeID, start..<values.count)
        }

        /// A quoted identifier, for the few statements that name an object chosen at run time.
        mutating func appendInterpolation(identifier: String) {
            text += "\"" + identifier.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            text += "\""
        }

        private mutating func bind(_ typeID: UInt32, _ range: Range<Int>?) {
            binds.append(Bind(typeID: typeID, range: range))
            text += "$\(binds.count)"
        }
    }
}

/// The inserts that several statements share.
extension SQL.StringInterpolation {
    /// Inserts a constant fragment of SQL as text. A `StaticString` cannot contain a value from outside.
    mutating func appendInterpolation(literal fragment: StaticString) { appendLiteral(fragment.description) }

    /// `arrived AS (INSERT INTO winnow.request …)`, which returns the ids of the inserted requests.
    mutating func appendInterpolation(arrived rows: RequestRows) {
        appendLiteral(
            """
            arrived AS (
            INSERT INTO winnow.request (
                request_id, tenant_id, event_id, channel, state, error, accepted_at, deadline_at, progressed_at,
                completed_at, traceparent, lane, body_digest, place, catalog_version, input_tokens, output_tokens, flops,
                cost_pico_usd, full_model_input_tokens, full_model_output_tokens, full_model_flops, full_model_cost_pico_usd)
            SELECT request_id, tenant_id, event_id, channel::winnow.channel, state::winnow.request_state, error,
                accepted_at, deadline_at, progressed_at, CASE WHEN state <> 'open' THEN progressed_at END,
                traceparent, lane, body_digest, place, catalog_version, t1, t2, t3, t4, t5, t6, t7, t8
            FROM unnest(
            """)
        list(rows.keys, rows.tenants, rows.eventIDs, rows.channels, rows.states, rows.errors, rows.acceptedAt)
        appendLiteral(", ")
        list(rows.deadlines, rows.progressedAt, rows.traceparents, rows.lanes, rows.digests, rows.places)
        appendLiteral(", ")
        list(rows.catalogVersions)
        list(rows.totals)
        appendLiteral(
            """
            ) AS u (
                request_id, tenant_id, event_id, channel, state, error, accepted_at, deadline_at, progressed_at,
                traceparent, lane, body_digest, place, catalog_version, t1, t2, t3, t4, t5, t6, t7, t8)
            ON CONFLICT (tenant_id, event_id) DO NOTHING RETURNING request_id)
            """)
    }

    /// `INSERT INTO winnow.step SELECT … FROM unnest(…) AS u (…)`. The caller appends further clauses.
    mutating func appendInterpolation(insert rows: StepRows) {
        appendLiteral(
            """
            INSERT INTO winnow.step (
                request_id, ordinal, capability, task, items, depends_on, state, answers, guesses, error,
                created_at, dispatched_at, settled_at)
            SELECT request_id, ordinal, capability, task, items, depends_on::smallint[], state::winnow.step_state,
                answers, guesses, error, at, CASE WHEN state <> 'waiting' THEN at END,
                CASE WHEN state NOT IN ('waiting', 'dispatched') THEN at END
            FROM unnest(
            """)
        list(rows.keys, rows.ordinals, rows.capabilities, rows.tasks, rows.items, rows.dependsOn, rows.states)
        appendLiteral(", ")
        list(rows.answers, rows.guesses, rows.errors, rows.instants)
        appendLiteral(
            ") AS u (request_id, ordinal, capability, task, items, depends_on, state, answers, guesses, error, at)")
    }

    /// `INSERT INTO winnow.attempt SELECT … FROM unnest(…) AS u (…)`. The caller appends further clauses.
    mutating func appendInterpolation(insert rows: EntryRows) {
        appendLiteral(
            """
            INSERT INTO winnow.attempt (
                request_id, step_ordinal, number, tenant_id, capability, task, kind, state, model, version, items,
                duration_us, error, started_at, settled_at, input_tokens, output_tokens, flops, cost_pico_usd,
                full_model_input_tokens, full_model_output_tokens, full_model_flops, full_model_cost_pico_usd,
                guessed_items, agreed_items, full_model_once_cost_pico_usd, cached_input_tokens, is_estimated)
            SELECT request_id, step_ordinal, number, tenant_id, capability, task, kind::winnow.attempt_kind,
                state::winnow.attempt_state, model, version, items, duration_us, error, started_at, settled_at,
                t1, t2, t3, t4, t5, t6, t7, t8, guessed_items, agreed_items, once_cost,
                cached_input_tokens, is_estimated
            FROM unnest(
            """)
        list(rows.keys, rows.ordinals, rows.numbers, rows.tenants, rows.capabilities, rows.tasks, rows.kinds)
        appendLiteral(", ")
        list(rows.states, rows.models, rows.versions, rows.items, rows.durations, rows.errors, rows.startedAt)
        appendLiteral(", ")
        list(rows.settledAt, rows.guessed, rows.agreed, rows.onceCosts, rows.cachedTokens, rows.areEstimated)
        list(rows.amounts)
        appendLiteral(
            """
            ) AS u (
                request_id, step_ordinal, number, tenant_id, capability, task, kind, state, model, version, items,
                duration_us, error, started_at, settled_at, guessed_items, agreed_items, once_cost, cached_input_tokens,
                is_estimated, t1, t2, t3, t4, t5, t6, t7, t8)
            """)
    }

    /// Binds, each with a preceding comma.
    private mutating func list(_ amounts: [PostgresArray<Int64>]) {
        for amounts in amounts {
            appendLiteral(", ")
            appendInterpolation(amounts)
        }
    }

    /// Binds, separated by commas.
    mutating func list<each Element: PostgresValue>(_ arrays: repeat PostgresArray<each Element>) {
        var isFirst = true
        for array in repeat each arrays {
            if !isFirst { appendLiteral(", ") }
            isFirst = false
            appendInterpolation(array)
        }
    }
}
