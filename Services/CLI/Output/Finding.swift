/// The result of one check, with advice if there is something to do.
struct Finding {
    enum Verdict: String { case good = "ok", doubtful, bad }

    let check: String
    let verdict: Verdict
    let finding: String
    let advice: String?

    init(_ check: String, _ verdict: Verdict, _ finding: String, _ advice: String? = nil) {
        self.check = check
        self.verdict = verdict
        self.finding = finding
        self.advice = advice
    }
}

extension Table {
    init(_ findings: [Finding]) {
        self.init(
            columns: ["check", "verdict", "finding", "advice"],
            rows: findings.map { finding in
                [
                    .text(finding.check), .text(finding.verdict.rawValue), .text(finding.finding),
                    finding.advice.map { .text($0) } ?? .none,
                ]
            })
    }
}
