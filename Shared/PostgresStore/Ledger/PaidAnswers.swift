import Contracts
import Store

/// Answers to keep, as columns.
struct PaidAnswerRows {
    private var keys = PostgresArray<RequestKey>()
    private var ordinals = PostgresArray<Int16>()
    private var questions = PostgresArray<Blob>()
    private var answers = PostgresArray<JSONBytes>()

    init(_ answers: [PaidAnswer]) {
        for answer in answers {
            keys.append(RequestKey(answer.step.request))
            ordinals.append(Int16(clamping: answer.step.ordinal))
            questions.append(Blob(bytes: answer.question.bytes))
            self.answers.append(JSONBytes(bytes: Answer.encode(answer.answers)))
        }
    }

    /// Must run in the transaction that has locked the requests.
    var statement: SQL {
        let sql: SQL = "SELECT winnow.keep_answers(\(keys), \(ordinals), \(questions), \(answers))"
        return sql.named("keep answers")
    }

    /// Reads the answers that are kept for questions about steps. The bounds prune the partitions.
    static func reading(_ questions: [(step: Step.ID, question: QuestionDigest)]) -> SQL {
        let keys = questions.map { RequestKey($0.step.request) }
        let ordinals = PostgresArray(questions.map { Int16(clamping: $0.step.ordinal) })
        let digests = PostgresArray(questions.map { Blob(bytes: $0.question.bytes) })
        let sql: SQL = """
            SELECT u.place, p.answers
            FROM unnest(\(PostgresArray(keys)), \(ordinals), \(digests))
                WITH ORDINALITY AS u (request_id, step_ordinal, question, place)
            JOIN winnow.paid_answer AS p USING (request_id, step_ordinal, question)
            WHERE p.request_id BETWEEN \(keys.min()) AND \(keys.max())
            """
        return sql.named("read paid answers")
    }

    /// - Returns: the answers by the place of their question.
    static func answers(_ result: PostgresResult) throws -> [Int: [Answer]] {
        let rows = try result.rows { row throws in
            let stored = try row.bytes("answers")
            guard let answers = try? Answer.decode(stored) else { throw StoreError.unreadable("kept answers") }
            return (Int(try row.integer("place")) - 1, answers.compactMap(\.self))
        }
        return Dictionary(rows) { first, _ in first }
    }
}
