import Certification
import Contracts
import JSON

/// What certifying one task came to.
struct CertifyReport {
    enum Result {
        case certified(Certificate)
        case refused(Refusal)
    }

    var route: Route
    var promise: Promise
    var result: Result

    static let columns = [
        "task", "certificate", "threshold", "items", "accepted", "disagreements", "bound", "escalated", "saved",
        "accuracy_loss_at_most",
    ]

    var row: [Table.Cell] {
        switch result {
        case .certified(let certificate):
            [
                .text("\(route)"), .text("\(certificate.id)"), .number(Self.short(certificate.threshold)),
                .number("\(certificate.items)"), .number("\(certificate.accepted)"),
                .number("\(certificate.disagreements)"), .number(Self.percent(certificate.bound)),
                .number(Self.interval(certificate.escalationRate)), .number(Self.interval(certificate.saving)),
                certificate.accuracyLoss.map { .number(Self.percent($0.bound)) } ?? .none,
            ]
        case .refused(let refusal):
            [
                .text("\(route)"), .text("none"), .number(Self.short(refusal.threshold)), .number("\(refusal.items)"),
                .number("\(refusal.tally.accepted)"), .number("\(refusal.tally.disagreements)"),
                .number(Self.percent(refusal.bound)), .text("everything"), .none, .none,
            ]
        }
    }

    /// Why there is no certificate, and what would help.
    var complaint: String? {
        guard case .refused(let refusal) = result else { return nil }
        let reached =
            "\(route): no threshold keeps the promise. At \(Self.short(refusal.threshold))"
            + " \(refusal.tally.disagreements) of \(refusal.tally.accepted) accepted answers differ, which shows at most"
            + " \(Self.percent(refusal.bound)) and not \(Self.percent(promise.alpha))."
        return "\(reached) \(advice(refusal)) Everything of it escalates, unless an earlier certificate stands."
    }

    private func advice(_ refusal: Refusal) -> String {
        if let needed = refusal.itemsNeeded {
            return "About \(needed) items and not \(refusal.items + refusal.fitted) would do, or another cut."
        }
        return "Too many differ, or too few are accepted, to say how many items would do: another cut, or more of them."
    }

    func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            switch result {
            case .certified(let certificate):
                body.member("certified", true)
                body.name("certificate")
                body.raw(String(decoding: certificate.encode(), as: UTF8.self))
            case .refused(let refusal):
                body.member("certified", false)
                body.name("threshold")
                body.probability(refusal.threshold)
                body.member("items", refusal.items)
                body.member("accepted", refusal.tally.accepted)
                body.member("disagreements", refusal.tally.disagreements)
                body.name("bound")
                body.probability(refusal.bound)
                if let needed = refusal.itemsNeeded { body.member("itemsNeeded", needed) }
                body.member("advice", advice(refusal))
            }
        }
    }

    private static func short(_ number: Double) -> String { "\((number * 1e6).rounded() / 1e6)" }

    private static func percent(_ share: Double) -> String { "\((share * 1e4).rounded() / 100)%" }

    private static func interval(_ estimate: Certificate.Estimate) -> String {
        "\(percent(estimate.value)) [\(percent(estimate.low)), \(percent(estimate.high))]"
    }
}
