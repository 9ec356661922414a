import Contracts
import Store

/// Steps as columns, to be inserted.
struct StepRows {
    var keys = PostgresArray<RequestKey>()
    var ordinals = PostgresArray<Int16>()
    var capabilities = PostgresArray<String>()
    var tasks = PostgresArray<String>()
    var items = PostgresArray<JSONBytes>()
    /// Array literals: `unnest` knows no arrays of different lengths.
    var dependsOn = PostgresArray<String>()
    var states = PostgresArray<String>()
    var answers = PostgresArray<JSONBytes>()
    var guesses = PostgresArray<JSONBytes>()
    var errors = PostgresArray<String>()
    /// When the step came to be as it is.
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

/// What changes of a step, as columns.
struct StepUpdateRows {
    var keys = PostgresArray<RequestKey>()
    var ordinals = PostgresArray<Int16>()
    var states = PostgresArray<String>()
    var answers = PostgresArray<JSONBytes>()
    var errors = PostgresArray<String>()
    var instants = PostgresArray<Timestamp>()

    mutating func append(_ step: Step, of key: RequestKey, at instant: Timestamp) {
        keys.append(key)
        ordinals.append(Int16(clamping: step.ordinal))
        states.append(step.state.rawValue)
        answers.append(JSONBytes(step.answers))
        errors.append(step.error)
        instants.append(instant)
    }
}

extension StepUpdateRows {
    /// An insert that always conflicts, for its lock is held and its steps have been read: an insert opens the one
    /// partition that a row belongs to, where an update would open every partition that there is.
    var statement: SQL {
        let sql: SQL = """
            INSERT INTO winnow.step AS s (
                request_id, ordinal, capability, task, items, state, answers, error, created_at, dispatched_at, settled_at)
            SELECT request_id, ordinal, '', '', '[]', state::winnow.step_state, answers, error, at,
                CASE WHEN state <> 'waiting' THEN at END, CASE WHEN state NOT IN ('waiting', 'dispatched') THEN at END
            FROM unnest(\(keys), \(ordinals), \(states), \(answers), \(errors), \(instants))
                AS u (request_id, ordinal, state, answers, error, at)
            ON CONFLICT (request_id, ordinal) DO UPDATE
            SET state = excluded.state, answers = excluded.answers, error = excluded.error,
                dispatched_at = coalesce(s.dispatched_at, excluded.dispatched_at),
                settled_at = coalesce(s.settled_at, excluded.settled_at)
            """
        return sql.named("update steps")
    }
}

extension JSONBytes {
    /// - Returns: `nil`, a null column, where there is no answer yet.
    fileprivate init?(_ answers: [Answer?]) {
        guard !answers.isEmpty else { return nil }
        self.init(bytes: Answer.encode(answers))
    }
}
