import Certification
import Client
import Contracts
import Inference
import JSON
import Store

/// All figures of a report. The page and the JSON show the same figures.
struct Report {
    /// The origin of the figures.
    struct Source {
        var file: String
        var sha256: String
        /// Rows that were not measured.
        var rejected = 0
        var date: String
        /// Models as `name@version`, the full model first.
        var models: [String]
    }

    /// The figures of one task, or of all tasks.
    struct Part {
        var name: String
        var items: Int
        var unanswered: Int
        var escalation: Figure
        var accuracy: [Policy: Figure]
        var agreement: Figure
        /// Agreement in the terms of the certificates.
        var promisedAgreement: Figure
        var smallAgreement: Figure
        var computeShare: Figure
        var curve: Curve
        var reliability: Reliability
    }

    let source: Source
    let tasks: [Part]
    let overall: Part
    let policies: PolicyBootstrap

    /// - Parameter requests: the items of each request.
    init(_ requests: [[ReportItem]], source: Source, draws: Int = 1000) {
        self.source = source
        let byTask = Dictionary(grouping: requests) { $0.first?.route.description ?? "" }
        tasks = byTask.filter { !$0.key.isEmpty }.sorted { $0.key < $1.key }.map {
            Part($0.key, $0.value)
        }
        policies = PolicyBootstrap(requests, draws: draws)
        overall = Part("all tasks", requests, computeShare: policies.figures[.suite]?.computeShare)
    }
}

extension Report.Part {
    /// - Parameter computeShare: a share that was already drawn. A second draw would give another interval.
    fileprivate init(_ name: String, _ requests: [[ReportItem]], computeShare: Figure? = nil) {
        let items = Array(requests.joined())
        func share(_ condition: (ReportItem) -> Bool) -> Figure {
            Figure(successes: items.count(where: condition), of: items.count)
        }
        self.name = name
        self.items = items.count
        unanswered = items.count { $0.suite == nil }
        escalation = share(\.isEscalated)
        accuracy = [
            .suite: share { $0.suite == $0.label }, .small: share { $0.small == $0.label },
            .full: share { $0.full == $0.label },
        ]
        agreement = share { $0.suite == $0.full }
        promisedAgreement = share(\.isPromised)
        smallAgreement = share(\.smallAgrees)
        var generator = SeededGenerator(seed: PolicyBootstrap.seed)
        self.computeShare =
            computeShare
            ?? Figure(
                ratio: requests.map { items in
                    let sums = PolicySums(items, .suite)
                    return (sums.flops, sums.fullFlops)
                }, using: &generator)
        curve = Curve(items)
        reliability = Reliability(items)
    }
}

extension Report {
    /// - Shape: `{"file", "sha256", "rejected", "tasks": [{"task", "items", "suiteAccuracy", …}], "overall", "policies": [{"policy", "accuracy",
    ///   "agreement", "computeShare", "usdPerMillionItems", "saved", "savedOnOnce"}], "gain": {"accuracy", "agreement"}}`, each figure
    ///   `{"value", "low", "high"}`
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.member("file", source.file)
            body.member("sha256", source.sha256)
            body.member("rejected", source.rejected)
            body.name("tasks")
            body.array(tasks) { writer, part in writer.object { part.write(to: &$0) } }
            body.name("overall")
            body.object { overall.write(to: &$0) }
            body.name("policies")
            body.array(Policy.allCases) { writer, policy in
                writer.object { row in
                    row.member("policy", policy.rawValue)
                    guard let figures = policies.figures[policy] else { return }
                    row.figure("accuracy", figures.accuracy)
                    row.figure("agreement", figures.agreement)
                    row.figure("computeShare", figures.computeShare)
                    row.figure("usdPerMillionItems", figures.cost)
                    row.figure("saved", figures.saved)
                    row.figure("savedOnOnce", figures.savedOnOnce)
                }
            }
            body.name("gain")
            body.object { gain in
                gain.figure("accuracy", policies.gain.accuracy)
                gain.figure("agreement", policies.gain.agreement)
            }
        }
        return writer.bytes
    }
}

extension Report.Part {
    fileprivate func write(to body: inout JSONWriter) {
        body.member("task", name)
        body.member("items", items)
        body.member("unanswered", unanswered)
        for (name, policy) in [("suiteAccuracy", Policy.suite), ("fullAccuracy", .full), ("smallAccuracy", .small)] {
            if let figure = accuracy[policy] { body.figure(name, figure) }
        }
        body.figure("agreement", agreement)
        body.figure("promisedAgreement", promisedAgreement)
        body.figure("smallAgreement", smallAgreement)
        body.figure("escalationRate", escalation)
        body.figure("computeShare", computeShare)
        body.name("recovered")
        body.double(curve.recovered)
        body.name("calibrationError")
        body.double(reliability.error)
    }
}

extension JSONWriter {
    fileprivate mutating func figure(_ name: String, _ figure: Figure) {
        self.name(name)
        figure.write(to: &self) { $0.double($1) }
    }
}

/// One item of a report: the answers of suite and models, and their cost. It holds no text.
struct ReportItem: Sendable {
    var route: Route
    var label: String
    /// `nil` if the suite did not answer, which counts as wrong.
    var suite: String?
    var small: String
    var full: String
    /// Whether the task's certificate accepts the suite's answer as the full model's.
    var isPromised: Bool
    /// The small model's confidence.
    var confidence: Double
    var isEscalated: Bool
    /// Whether the suite gave the small model's answer because the budget was exhausted.
    var isDegraded = false
    /// - Units: operations.
    var smallFlops: Double
    var fullFlops: Double
    /// - Units: pico-USD, at the current prices.
    var smallCost: Double
    var fullCost: Double
    /// The full model's cost if it is asked once for the whole request.
    var fullOnceCost: Double

    /// A missing or degraded answer saves nothing.
    var isSaved: Bool { suite != nil && !isDegraded }
    var smallAgrees: Bool { small == full }
}

extension ReportItem {
    /// Returns the items of one request. They stay together when requests are drawn.
    /// - Throws: `ContractError` if a cost is too large to write.
    static func items(
        of request: EvaluationRun.Request, prices: PriceList, small: String, full: String, at time: Timestamp
    ) throws -> [ReportItem] {
        let answers = request.result?.steps.first?.items ?? []
        return try request.chunk.items.indices.compactMap { index in
            guard let label = request.chunk.items[index].label else { return nil }
            let answer = answers.indices.contains(index) ? answers[index] : nil
            let (bySmall, byFull) = (request.small[index], request.full[index])
            func usage(_ prediction: Prediction) -> TokenUsage {
                TokenUsage(inputTokens: Int64(prediction.inputTokens), flops: prediction.flops)
            }
            func cost(_ usage: TokenUsage, _ model: String) throws -> Double {
                Double(try prices.cost(of: usage, model: model, at: time).amount)
            }
            return ReportItem(
                route: request.chunk.route, label: label, suite: answer?.label, small: bySmall.label,
                full: byFull.label, isPromised: request.isPromised(answer?.label, index),
                confidence: bySmall.confidence, isEscalated: answer?.decidedBy == .full,
                isDegraded: answer?.isDegraded ?? false,
                smallFlops: Double(bySmall.flops), fullFlops: Double(byFull.flops),
                smallCost: try cost(usage(bySmall), small), fullCost: try cost(usage(byFull), full),
                fullOnceCost: try cost(usage(byFull).joined(texts: 1), full))
        }
    }
}
