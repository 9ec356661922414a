import Certification
import Contracts
import Inference
import JSON
import Store

/// All figures of a report. The page and the JSON show the same figures.
public struct Report {
    /// The origin of the figures.
    struct Source {
        var file: String
        var sha256: String
        /// Rows that were not measured.
        var rejected = 0
        var date: String
        /// Models as `name@version` on each route, full models first.
        var models: [String]
    }

    /// The figures of one task, or of all tasks.
    public struct Part {
        var name: String
        public internal(set) var items: Int
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
    public let overall: Part
    let policies: PolicyBootstrap

    /// - Parameters:
    ///   - prices: the cost of each model's tokens.
    ///   - time: the time of the prices and of the report.
    /// - Throws: `ContractError` if a cost is too large to write.
    public init(
        of run: EvaluationRun, file: LabelledFile, prices: PriceList, at time: Timestamp
    ) throws {
        let requests = try run.requests.map { request in
            try ReportItem.items(
                of: request, prices: prices, small: request.models.small.name, full: request.models.full.name, at: time)
        }
        let models = Set(run.requests.map(\.models))
        self.init(
            requests,
            source: Source(
                file: file.name, sha256: file.sha256, rejected: run.rejectedRows,
                date: String(time.rfc3339.prefix(10)),
                models: Set(models.map(\.full.description)).sorted() + Set(models.map(\.small.description)).sorted()))
    }

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
    public var json: [UInt8] {
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
