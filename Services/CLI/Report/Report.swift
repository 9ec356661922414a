import Certification
import Contracts

/// All figures of a report; the page and the JSON show nothing else.
struct Report {
    /// Where the figures come from.
    struct Source {
        var file: String
        var sha256: String
        /// Rows that were not measured.
        var rejected = 0
        var date: String
        /// As `name@version`, the full one first.
        var models: [String]
    }

    /// A task, or all of them.
    struct Part {
        var name: String
        var items: Int
        var unanswered: Int
        var escalation: Figure
        var accuracy: [Policy: Figure]
        var agreement: Figure
        /// In the terms of the certificates.
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

    /// - Parameter requests: the items of each.
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
    /// - Parameter computeShare: where it was drawn before: another draw would have another interval.
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
