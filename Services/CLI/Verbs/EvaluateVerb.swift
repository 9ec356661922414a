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
        artifacts. Intervals are 95%: Wilson's for shares of items, bootstrapped over requests for compute.

          --data FILE        the labelled file
          --timeout SECONDS  how long to wait for the suite (default 900)
          --json             one JSON object
        """

    /// Several a request, as a machine would send them, and few enough that the bootstrap has something to draw from.
    private static let itemsPerRequest = 8

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
        let items = try LabelledItem.read(file)
        guard !items.isEmpty else { throw LabelledFileError("\(file) holds no items") }
        let chunks = chunks(of: items)
        let results = try await throughSuite(chunks, session)
        var cards: [Route: Scorecard] = [:]
        let full = try EncoderClassifier(directory: session.modelsDirectory + "/full")
        for (route, members) in Dictionary(grouping: chunks, by: \.route).sorted(by: { "\($0.key)" < "\($1.key)" }) {
            Console.progress("comparing \(route)")
            let small = try EncoderClassifier(directory: "\(session.modelsDirectory)/\(route.capability)")
            for chunk in members {
                let texts = chunk.items.map(\.text)
                let fullLabels = try await full.classify(texts, as: route).map(\.label)
                let smallLabels = try await small.classify(texts, as: route).map(\.label)
                cards[route, default: Scorecard()].add(
                    chunk, results[chunk.eventID], full: fullLabels, small: smallLabels)
            }
        }
        Console.progress("")
        show(cards)
        return results.count == chunks.count ? .ok : .failed
    }

    private func chunks(of items: [LabelledItem]) -> [EvaluationChunk] {
        var generator = SystemRandomNumberGenerator()
        return Dictionary(grouping: items, by: \.route).sorted { "\($0.key)" < "\($1.key)" }.flatMap { route, items in
            stride(from: 0, to: items.count, by: Self.itemsPerRequest).map { start in
                EvaluationChunk(
                    eventID: "evaluate-\(Request.ID(using: &generator))", route: route,
                    items: Array(items[start..<min(start + Self.itemsPerRequest, items.count)]))
            }
        }
    }

    private func throughSuite(_ chunks: [EvaluationChunk], _ session: Session) async throws -> [String: ResultView] {
        let exchange = try await Exchange(session, tenant: TenantID(rawValue: "winnow-evaluate"), mostUnderWay: 200)
        var results: [String: ResultView] = [:]
        let missing = try await exchange.run(chunks.map(\.pending), timeout: .seconds(timeout)) { id, bytes in
            results[id] = try ResultView(bytes)
            Console.progress("\(results.count) of \(chunks.count) requests answered")
        }
        if !missing.isEmpty {
            Console.complain("winnow evaluate: \(missing.count) of \(chunks.count) requests without a result")
        }
        return results
    }

    private func show(_ cards: [Route: Scorecard]) {
        let ordered = cards.sorted { "\($0.key)" < "\($1.key)" }
        let overall = ordered.reduce(into: Scorecard()) { $0.add($1.value) }
        guard isJSON else {
            let rows = ordered.map { ("\($0.key)", $0.value) } + [("overall", overall)]
            let table = Table(
                columns: ["task", "n"] + Scorecard.columns,
                rows: rows.map { name, card in
                    [.text(name), .number("\(card.count)")] + card.figures.map { .text($0.text) }
                })
            return Console.print(table.text)
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
        }
        Console.print(writer.bytes)
    }
}
