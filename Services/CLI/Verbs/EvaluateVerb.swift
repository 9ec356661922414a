import Contracts
import Inference
import JSON

/// Sends a labelled file through the running suite and holds the answers against the labels and the full model.
struct EvaluateVerb: Verb {
    static let name = "evaluate"
    static let summary = "measure accuracy, agreement, escalation and compute on a labelled file"
    static let help = """
        Usage: winnow evaluate --data FILE [--timeout SECONDS] [--json]

        FILE is JSON Lines, plain or gzipped: {"capability", "task", "text", "label"}. Every item goes through the
        running suite in machine requests; the full model alone and the small model alone are run here, from the same
        artifacts. Agreement is with the label that the full model gives; the promised agreement counts as the task's
        certificate in Postgres does. Intervals are 95%: Wilson's for shares of items, bootstrapped over requests for compute.

        A row that no request can carry, such as one with a blank text, is named on standard error and left out of every
        figure. An item that the suite did not answer counts as wrong, and as "unanswered".

          --data FILE        the labelled file; - is standard input
          --timeout SECONDS  how long to wait for the suite (default 900)
          --json             one JSON object: {"tasks": [...], "overall", "rejected"}

        Ends with 1 when results are missing, and with 4 when rows were rejected or requests not completed.
        """

    private let file: String
    private let timeout: Int
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        guard let file = arguments.value("--data") else { throw UsageError("--data is missing") }
        self.file = file
        timeout = try arguments.integer("--timeout", default: 900, in: 1...86_400)
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let evaluation = try await EvaluationRun(
            of: try LabelledFile(file), session, timeout: timeout, verb: Self.name)
        var cards: [Route: Scorecard] = [:]
        for request in evaluation.requests {
            cards[request.chunk.route, default: Scorecard()].add(request)
        }
        show(cards, rejected: evaluation.rejectedRows)
        return evaluation.status
    }

    private func show(_ cards: [Route: Scorecard], rejected: Int) {
        let ordered = cards.sorted { "\($0.key)" < "\($1.key)" }
        let overall = ordered.reduce(into: Scorecard()) { $0.add($1.value) }
        guard isJSON else {
            let rows = ordered.map { ("\($0.key)", $0.value) } + [("overall", overall)]
            let table = Table(
                columns: ["task", "n", "unanswered"] + Scorecard.columns,
                rows: rows.map { name, card in
                    [.text(name), .number("\(card.count)"), .number("\(card.unanswered)")]
                        + card.figures.map { .text($0.text) }
                })
            return Console.print(table, asJSON: false)
        }
        var writer = JSONWriter()
        writer.object { body in
            body.name("tasks")
            body.array(ordered) { writer, entry in
                writer.object { task in
                    task.member("capability", entry.key.capability.rawValue)
                    task.member("task", entry.key.task)
                    entry.value.writeFigures(to: &task)
                }
            }
            body.name("overall")
            body.object { overall.writeFigures(to: &$0) }
            body.member("rejected", rejected)
        }
        Console.print(writer.bytes)
    }
}
