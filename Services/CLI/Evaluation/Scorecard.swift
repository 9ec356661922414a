import Certification
import Contracts
import JSON

/// What the suite, the full model alone and the small model alone made of the same labelled items.
struct Scorecard {
    /// One item's four labels, and what became of it.
    struct Verdict {
        var label: String?
        /// `nil` where the suite did not answer, which counts as wrong.
        var suite: String?
        var full: String
        var small: String
        /// Whether the suite's is the full model's in the terms of the task's certificate.
        var isPromised: Bool
        var isEscalated: Bool
    }

    private var verdicts: [Verdict] = []
    private var compute: [(part: Double, whole: Double)] = []

    static let columns = [
        "suiteAccuracy", "fullAccuracy", "smallAccuracy", "agreement", "promisedAgreement", "escalationRate",
        "computeShare",
    ]

    var count: Int { verdicts.count }

    var unanswered: Int { verdicts.count { $0.suite == nil } }

    mutating func add(_ verdicts: [Verdict], flops: Int, fullModelFlops: Int) {
        self.verdicts += verdicts
        compute.append((Double(flops), Double(fullModelFlops)))
    }

    mutating func add(_ other: Scorecard) {
        verdicts += other.verdicts
        compute += other.compute
    }

    /// In the order of `columns`.
    var figures: [Figure] {
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
