import Contracts
import Store

/// Requests to insert, as columns.
struct RequestRows {
    var keys: PostgresArray<RequestKey>
    var tenants = PostgresArray<String>()
    var eventIDs = PostgresArray<String>()
    var channels = PostgresArray<String>()
    var states = PostgresArray<String>()
    var errors = PostgresArray<String>()
    var acceptedAt = PostgresArray<Timestamp>()
    var deadlines = PostgresArray<Timestamp>()
    var progressedAt = PostgresArray<Timestamp>()
    var traceparents = PostgresArray<String>()
    var lanes = PostgresArray<String>()
    var digests = PostgresArray<BodyDigest>()
    var places = PostgresArray<Int64>()
    var catalogVersions = PostgresArray<Int64>()
    /// Input tokens, output tokens, flops and cost, then the same four of the full model.
    var totals = [PostgresArray<Int64>](repeating: PostgresArray(), count: 8)

    init(reservingCapacity capacity: Int) { keys = PostgresArray(reservingCapacity: capacity) }

    mutating func append(_ snapshot: RequestSnapshot, _ key: RequestKey, _ origin: Origin) {
        keys.append(key)
        tenants.append(snapshot.tenant.rawValue)
        eventIDs.append(snapshot.eventID.text)
        channels.append(snapshot.channel?.rawValue)
        states.append(snapshot.state.rawValue)
        errors.append(snapshot.error)
        acceptedAt.append(snapshot.acceptedAt)
        deadlines.append(snapshot.deadline)
        progressedAt.append(snapshot.progressedAt)
        traceparents.append(snapshot.traceparent)
        lanes.append(snapshot.lane.rawValue)
        digests.append(origin.digest)
        places.append(origin.place)
        catalogVersions.append(snapshot.catalogVersion)
        for (index, value) in snapshot.totals.columns.enumerated() { totals[index].append(value) }
    }
}

extension LedgerTotals {
    /// In the order of the table's columns.
    var columns: [Int64] {
        [
            usage.inputTokens, usage.outputTokens, usage.flops, cost.amount, counterfactualUsage.inputTokens,
            counterfactualUsage.outputTokens, counterfactualUsage.flops, counterfactualCost.amount,
        ]
    }

    /// Reads `{1,2,…}`, an array of eight numbers as text.
    init(array text: String) throws(StoreError) {
        let values = text.dropFirst().dropLast().split(separator: ",").compactMap { Int64($0) }
        guard values.count == 8 else { throw .unreadable("totals") }
        self.init(
            usage: TokenUsage(inputTokens: values[0], outputTokens: values[1], flops: values[2]),
            cost: PicoDollars(values[3]),
            counterfactualUsage: TokenUsage(inputTokens: values[4], outputTokens: values[5], flops: values[6]),
            counterfactualCost: PicoDollars(values[7]))
    }

    /// The eight columns of totals in a result.
    struct Columns {
        fileprivate let columns: [PostgresColumn]

        init(_ result: PostgresResult) throws(StoreError) {
            var columns: [PostgresColumn] = []
            for prefix in ["", "full_model_"] {
                for name in ["input_tokens", "output_tokens", "flops", "cost_pico_usd"] {
                    columns.append(try result.column(prefix + name))
                }
            }
            self.columns = columns
        }
    }

    init(_ row: PostgresRow, _ columns: Columns) throws(StoreError) {
        let columns = columns.columns
        let usage = TokenUsage(
            inputTokens: try row.integer(columns[0]), outputTokens: try row.integer(columns[1]),
            flops: try row.integer(columns[2]))
        let cost = PicoDollars(try row.integer(columns[3]))
        let counterfactual = TokenUsage(
            inputTokens: try row.integer(columns[4]), outputTokens: try row.integer(columns[5]),
            flops: try row.integer(columns[6]))
        self.init(
            usage: usage, cost: cost, counterfactualUsage: counterfactual,
            counterfactualCost: PicoDollars(try row.integer(columns[7])))
    }
}

/// `bytea` of 16 bytes.
extension BodyDigest: PostgresValue {
    static var typeID: UInt32 { Blob.typeID }
    static var arrayTypeID: UInt32 { Blob.arrayTypeID }
    func encode(into bytes: inout [UInt8]) { bytes.append(bigEndian: value) }
}

/// Steps to insert, as columns.
struct StepRows {
    var keys = PostgresArray<RequestKey>()
    var ordinals = PostgresArray<Int16>()
    var capabilities = PostgresArray<String>()
    var tasks = PostgresArray<String>()
    var items = PostgresArray<JSONBytes>()
    /// Array literals, since `unnest` does not support arrays of different lengths.
    var dependsOn = PostgresArray<String>()
    var states = PostgresArray<String>()
    var answers = PostgresArray<JSONBytes>()
    var guesses = PostgresArray<JSONBytes>()
    var errors = PostgresArray<String>()
    /// The time at which the step reached its state.
    var instants = PostgresArray<Timestamp>()

    mutating func append(_ step: Step, of key: RequestKey, at instant: Timestamp) {
        keys.append(key)
        ordinals.append(Int16(clamping: step.ordinal))
        capabilities.append(step.route.capability.rawValue)
        tasks.append(step.route.task)
        items.append(JSONBytes(bytes: Item.encode(step.items)))
        dependsOn.append("{" + step.dependsOn.map(String.init).joined(separator: ",") + "}")
        states.append(step.state.rawValue)
        answers.append(JSONBytes(step.answers))
        guesses.append(JSONBytes(step.guesses))
        errors.append(step.error)
        instants.append(instant)
    }
}

/// Changes of steps, as columns.
struct StepUpdateRows {
    var keys = PostgresArray<RequestKey>()
    var ordinals = PostgresArray<Int16>()
    var states = PostgresArray<String>()
    /// Null where the items stay as they are.
    var items = PostgresArray<JSONBytes>()
    var answers = PostgresArray<JSONBytes>()
    var errors = PostgresArray<String>()
    var instants = PostgresArray<Timestamp>()
    private var hasItems = false

    /// - Parameter withItems: whether the items have changed.
    mutating func append(_ step: Step, of key: RequestKey, at instant: Timestamp, withItems: Bool) {
        keys.append(key)
        ordinals.append(Int16(clamping: step.ordinal))
        states.append(step.state.rawValue)
        items.append(withItems ? JSONBytes(bytes: Item.encode(step.items)) : nil)
        answers.append(JSONBytes(step.answers))
        errors.append(step.error)
        instants.append(instant)
        hasItems = hasItems || withItems
    }
}

extension StepUpdateRows {
    /// Updates the rows by INSERT … ON CONFLICT DO UPDATE. All of them exist and are locked, so every row conflicts. An
    /// insert opens only the partitions of its rows, whereas an UPDATE that joins arrays would open every partition.
    ///
    /// No stored step has an empty list of items and changes it, so the empty list stands for items that stay.
    var statement: SQL {
        let newItems: StaticString =
            hasItems ? "items = CASE WHEN excluded.items::text = '[]' THEN s.items ELSE excluded.items END, " : ""
        let sql: SQL = """
            INSERT INTO winnow.step AS s (
                request_id, ordinal, capability, task, items, state, answers, error, created_at, dispatched_at, settled_at)
            SELECT request_id, ordinal, '', '', coalesce(items, '[]'), state::winnow.step_state, answers, error, at,
                CASE WHEN state <> 'waiting' THEN at END, CASE WHEN state NOT IN ('waiting', 'dispatched') THEN at END
            FROM unnest(\(keys), \(ordinals), \(states), \(items), \(answers), \(errors), \(instants))
                AS u (request_id, ordinal, state, items, answers, error, at)
            ON CONFLICT (request_id, ordinal) DO UPDATE
            SET \(literal: newItems)state = excluded.state, answers = excluded.answers, error = excluded.error,
                dispatched_at = coalesce(s.dispatched_at, excluded.dispatched_at),
                settled_at = coalesce(s.settled_at, excluded.settled_at)
            """
        return sql.named("update steps")
    }
}

extension JSONBytes {
    /// - Returns: `nil`, a null column, if there is no answer yet.
    fileprivate init?(_ answers: [Answer?]) {
        guard !answers.isEmpty else { return nil }
        self.init(bytes: Answer.encode(answers))
    }
}
