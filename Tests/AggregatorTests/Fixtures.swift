import BuiltInCatalog
import Contracts
import Planning
import Store
import TestKit
import Testing

@testable import Aggregator

enum Fixture {
    static let clause = Route(.legalServices, "clause-type")
    static let issue = Route(.softwareDevelopment, "issue-type")
    static let now = Timestamp(milliseconds: 1_790_000_000_000)
    static let tenant = TenantID(rawValue: "acme")

    static let prices = [
        Price(model: "small", inputToken: PicoDollars(1), outputToken: .zero, validFrom: Timestamp(milliseconds: 0)),
        Price(model: "full", inputToken: PicoDollars(100), outputToken: .zero, validFrom: Timestamp(milliseconds: 0)),
    ]

    static func step(
        _ ordinal: Int, _ route: Route = clause, _ texts: [String] = ["a"], dependsOn: [Int] = [],
        _ state: Step.State = .dispatched, answers: [Answer?] = []
    ) -> Step {
        Step(
            ordinal: ordinal, route: route, items: texts.map { Item(text: $0) }, dependsOn: dependsOn,
            state: dependsOn.isEmpty ? state : state == .dispatched ? .waiting : state, answers: answers)
    }

    static func snapshot(
        _ steps: [Step], _ state: RequestSnapshot.State = .open, id: Request.ID = .numbered(1),
        deadline: Timestamp? = nil, progressedAt: Timestamp = now
    ) -> RequestSnapshot {
        RequestSnapshot(
            id: id, tenant: tenant, eventID: "event of \(id)", channel: .machine, state: state, acceptedAt: now,
            deadline: deadline, progressedAt: progressedAt, steps: steps)
    }

    static func answer(_ label: String = "x", _ decidedBy: Answer.DecidedBy = .worker) -> Answer {
        Answer(.label(label), confidence: 0.99, decidedBy: decidedBy, model: "small@7")
    }

    static func attempt(_ number: Int = 1, tokens: Int64 = 3) -> Attempt {
        Attempt(
            number: number, kind: .worker, model: "small", version: "7", items: 1,
            usage: TokenUsage(inputTokens: tokens, flops: 10 * tokens), durationMicros: 5, startedAt: now,
            counterfactual: TokenUsage(inputTokens: tokens, flops: 1000 * tokens))
    }

    static func answered(
        _ step: Int, _ route: Route = clause, _ answers: [Answer?] = [answer()], attempts: [Attempt] = [attempt()]
    ) -> Outcome {
        Outcome(step: step, route: route, state: .answered, answers: answers, attempts: attempts)
    }

    static func failed(_ step: Int, _ error: String = "the model is ill") -> Outcome {
        Outcome(step: step, route: clause, state: .failed, error: error)
    }
}

extension RequestProgress {
    /// Applies an outcome whose cost can be stored.
    mutating func settle(_ outcome: Outcome, pricing: PriceList) {
        do {
            try apply(outcome, pricing: pricing, fullModel: "full", catalog: .builtIn)
        } catch {
            Issue.record(error)
        }
    }
}
