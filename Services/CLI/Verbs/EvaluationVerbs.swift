import Contracts
import Evaluation
import Inference
import PostgresStore
import Settings
import Store

/// Sends a labelled file through the running suite, and compares the answers with the labels and the full model.
struct EvaluateVerb: Verb {
    static let name = "evaluate"
    static let summary = "measure accuracy, agreement, escalation and compute on a labelled file"
    static let help = """
        Usage: winnow evaluate --data FILE [--timeout SECONDS] [--json]

        FILE is JSON Lines, plain or gzipped: {"capability", "task", "text", "label"}. Every item goes through the
        running suite in machine requests. The full model alone and the small model alone run here, from the same
        artifacts. Agreement compares with the full model's label. The promised agreement counts labels as the task's
        certificate in Postgres does. Intervals are 95%: Wilson's for shares of items, bootstrapped over requests for
        compute.

        A row that no request can carry, for example one with a blank text, is reported on standard error and left out
        of every figure. So is an item in a language that the small models were not cut for, and how many there are is
        told. An item without an answer of the suite counts as wrong and as "unanswered".

          --data FILE        the labelled file; - for standard input
          --timeout SECONDS  how long to wait for the suite (default 900)
          --json             one JSON object: {"tasks": [...], "overall", "rejected", "otherLanguages"}

        Exits with 1 if results are missing, and with 4 if rows were rejected or requests were not completed.
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
        let catalog = try session.catalog()
        let evaluation = try await EvaluationRun(
            of: try LabelledFile(reading: file, catalog: catalog), session, catalog: catalog, timeout: timeout,
            verb: Self.name)
        show(TaskScores(evaluation))
        return evaluation.status
    }

    private func show(_ scores: TaskScores) {
        guard !isJSON else { return Console.print(scores.json) }
        let rows = scores.tasks.map { ("\($0.route)", $0.card) } + [("overall", scores.overall)]
        let table = Table(
            columns: ["task", "n", "unanswered"] + Scorecard.columns,
            rows: rows.map { name, card in
                [.text(name), .number("\(card.count)"), .number("\(card.unanswered)")]
                    + card.figures.map { .text($0.text) }
            })
        Console.print(table, asJSON: false)
    }
}

/// Writes a page on what the suite answers and saves, from a labelled file.
struct ReportVerb: Verb {
    static let name = "report"
    static let summary = "write a page on accuracy, agreement, compute and money, from a labelled file"
    static let help = """
        Usage: winnow report --data FILE --out FILE.html [--timeout SECONDS] [--json]

        Sends the file's items through the running suite as `winnow evaluate` does, and writes one self-contained page.
        It shows the mix of tasks, accuracy and agreement of each task, and compute and cost beside three other
        policies: always the small model, always the full model, and as many escalations at random. It also shows the
        curve of compute and agreement, and reliability diagrams. The page contains no item's text.

          --data FILE        JSON Lines, plain or gzipped: {"capability", "task", "text", "label"}
          --out FILE         the page; replaces a regular file atomically, writes to a pipe or device
          --timeout SECONDS  how long to wait for the suite (default 900)
          --json             also print the figures: {"file", "sha256", "tasks": [...], "overall", "policies": [...], "gain"},
                             each figure {"value", "low", "high"}

        Exits with 1 if results are missing or the page cannot be written, and with 4 if rows were rejected or requests
        were not completed. Rejected rows, and items in other languages than those of the small models, are left out of
        every figure.
        """

    private let file: String
    private let out: String
    private let timeout: Int
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        guard let file = arguments.value("--data") else { throw UsageError("--data is missing") }
        guard let out = arguments.value("--out") else { throw UsageError("--out is missing") }
        (self.file, self.out) = (file, out)
        timeout = try arguments.integer("--timeout", default: 900, in: 1...86_400)
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        try SmallFile.ensureReplaceable(out)
        let catalog = try session.catalog()
        let labelled = try LabelledFile(reading: file, catalog: catalog)
        let prices = PriceList(try await PostgresStore(try session.postgres()).prices())
        let evaluation = try await EvaluationRun(
            of: labelled, session, catalog: catalog, timeout: timeout, verb: Self.name)
        Console.progress("drawing")
        let report = try Report(of: evaluation, file: labelled, prices: prices, at: .now)
        Console.progress("")
        try SmallFile.replace(out, with: ReportPage.html(report))
        if isJSON { Console.print(report.json) } else { Console.print("\(out): \(report.overall.items) items") }
        return evaluation.status
    }
}
