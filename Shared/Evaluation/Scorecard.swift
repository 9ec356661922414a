import Certification
import Client
import Contracts
import Inference
import JSON

/// Compares the answers of the suite, the full model alone and the small model alone on the same labelled items.
public struct Scorecard {
    /// One item's expected label and three answers, and how it was answered.
    struct Verdict {
        var label: String?
        /// `nil` if the suite did not answer, which counts as wrong.
        var suite: String?
        var full: String
        var small: String
        /// Whether the task's certificate accepts the suite's answer as the full model's.
        var isPromised: Bool
        var isEscalated: Bool
    }

    private var verdicts: [Verdict] = []
    private var compute: [(part: Double, whole: Double)] = []

    /// The names of the figures.
    public static let columns = [
        "suiteAccuracy", "fullAccuracy", "smallAccuracy", "agreement", "promisedAgreement", "escalationRate",
        "computeShare",
    ]

    public var count: Int { verdicts.count }

    public var unanswered: Int { verdicts.count { $0.suite == nil } }

    mutating func add(_ verdicts: [Verdict], flops: Int, fullModelFlops: Int) {
        self.verdicts += verdicts
        compute.append((Double(flops), Double(fullModelFlops)))
    }

    mutating func add(_ other: Scorecard) {
        verdicts += other.verdicts
        compute += other.compute
    }

    /// The figures in the order of `columns`.
    public var figures: [Figure] {
        func share(_ condition: (Verdict) -> Bool) -> Figure {
            Figure(successes: verdicts.count { condition($0) }, of: verdicts.count)
        }
        var generator = SeededGenerator(seed: 20_261_123)
        return [
            share { $0.suite == $0.label }, share { $0.full == $0.label }, share { $0.small == $0.label },
            share { $0.suite == $0.full }, share(\.isPromised), share(\.isEscalated),
            Figure(ratio: compute, using: &generator),
        ]
    }

    func writeFigures(to body: inout JSONWriter) {
        body.member("n", count)
        body.member("unanswered", unanswered)
        for (name, figure) in zip(Self.columns, figures) {
            body.name(name)
            figure.write(to: &body)
        }
    }
}

extension Scorecard {
    mutating func add(_ request: EvaluationRun.Request) {
        let answers = request.result?.steps.first?.items ?? []
        let verdicts = request.chunk.items.indices.map { index in
            let answer = answers.indices.contains(index) ? answers[index] : nil
            return Verdict(
                label: request.chunk.items[index].label, suite: answer?.label, full: request.full[index].label,
                small: request.small[index].label, isPromised: request.isPromised(answer?.label, index),
                isEscalated: answer?.decidedBy == .full)
        }
        add(verdicts, flops: request.result?.flops ?? 0, fullModelFlops: request.result?.fullModelFlops ?? 0)
    }
}

/// The scorecards of a run: one for each task, in the order of their names, and one for all.
public struct TaskScores {
    public let tasks: [(route: Route, card: Scorecard)]
    public let overall: Scorecard
    private let rejectedRows: Int
    private let otherLanguages: Int

    public init(_ run: EvaluationRun) {
        var cards: [Route: Scorecard] = [:]
        for request in run.requests { cards[request.chunk.route, default: Scorecard()].add(request) }
        tasks = cards.sorted { "\($0.key)" < "\($1.key)" }.map { (route: $0.key, card: $0.value) }
        overall = tasks.reduce(into: Scorecard()) { $0.add($1.card) }
        rejectedRows = run.rejectedRows
        otherLanguages = run.otherLanguages
    }

    /// - Shape: `{"tasks": [{"capability", "task", "n", "unanswered", "suiteAccuracy", …}], "overall", "rejected",
    ///   "otherLanguages"}`, each figure `{"value", "low", "high"}`
    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.name("tasks")
            body.array(tasks) { writer, entry in
                writer.object { task in
                    task.member("capability", entry.route.capability.rawValue)
                    task.member("task", entry.route.task)
                    entry.card.writeFigures(to: &task)
                }
            }
            body.name("overall")
            body.object { overall.writeFigures(to: &$0) }
            body.member("rejected", rejectedRows)
            body.member("otherLanguages", otherLanguages)
        }
        return writer.bytes
    }
}
