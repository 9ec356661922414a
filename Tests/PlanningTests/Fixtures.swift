import BuiltInCatalog
import Contracts
import Store
import TestKit

enum Fixture {
    static let clause = Route(.legalServices, "clause-type")
    static let unfair = Route(.legalServices, "unfair-term")
    static let issue = Route(.softwareDevelopment, "issue-type")

    static func answer(_ label: String, _ decidedBy: Answer.DecidedBy = .worker) -> Answer {
        Answer(.label(label), confidence: 0.5, decidedBy: decidedBy, model: "m@1")
    }

    static func step(
        _ ordinal: Int, _ route: Route = clause, _ texts: [String] = ["a"], dependsOn: [Int] = [],
        _ state: Step.State = .dispatched, answers: [Answer?] = [], error: String? = nil
    ) -> Step {
        Step(
            ordinal: ordinal, route: route, items: texts.map { Item(text: $0) }, dependsOn: dependsOn, state: state,
            answers: answers, error: error)
    }

    static func snapshot(channel: Request.Channel? = .machine, _ steps: [Step]) -> RequestSnapshot {
        snapshot(.open, channel: channel, steps)
    }

    static func snapshot(
        _ state: RequestSnapshot.State, channel: Request.Channel? = .machine, _ steps: [Step] = [],
        error: String? = nil, totals: LedgerTotals = .zero, id: Request.ID = .numbered(1)
    ) -> RequestSnapshot {
        RequestSnapshot(
            id: id, tenant: TenantID(rawValue: "acme"), eventID: "their-id", channel: channel, state: state,
            error: error, acceptedAt: Timestamp(milliseconds: 1), deadline: Timestamp(milliseconds: 1_896_093_296_007),
            progressedAt: Timestamp(milliseconds: 1),
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", steps: steps, totals: totals)
    }
}
