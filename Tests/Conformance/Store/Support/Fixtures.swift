import BuiltInCatalog
import Contracts
import Store

/// Simple values to store.
enum Fixture {
    /// An instant with milliseconds and without microseconds.
    static let noon = Timestamp(milliseconds: 1_790_000_000_123)

    static func id(at time: Timestamp = .now) -> Request.ID {
        var generator = SystemRandomNumberGenerator()
        return Request.ID(acceptedAt: time, using: &generator)
    }

    static func step(
        _ ordinal: Int = 0, items: [Item] = [Item(text: "first")], state: Step.State = .dispatched,
        dependsOn: [Int] = []
    ) -> Step {
        Step(
            ordinal: ordinal, route: Route(.legalServices, "clause-type"), items: items, dependsOn: dependsOn,
            state: state)
    }

    static func snapshot(
        _ eventID: EventID = "event", tenant: TenantID = .default, state: RequestSnapshot.State = .open,
        acceptedAt: Timestamp = noon, deadline: Timestamp? = nil, steps: [Step] = [step()]
    ) -> RequestSnapshot {
        var snapshot = RequestSnapshot(
            id: id(), tenant: tenant, eventID: eventID, channel: .machine, state: state, acceptedAt: acceptedAt,
            deadline: deadline, progressedAt: acceptedAt, steps: steps)
        snapshot.catalogVersion = 7
        if state.isFinal {
            snapshot.completedAt = acceptedAt
            snapshot.resultCost = ResultCost(totals: .zero, isFinal: true)
        }
        return snapshot
    }

    static func entry(
        _ request: Request.ID, step: Int = 0, number: Int = 1, kind: Attempt.Kind = .worker,
        state: Attempt.State = .settled, cost: Int64 = 10,
        model: String = "legal-services-clause-type"
    ) -> LedgerEntry {
        let attempt = Attempt(
            number: number, kind: kind, state: state, model: model, version: "1", items: 1,
            usage: TokenUsage(inputTokens: 20, outputTokens: 1, flops: 1_000_000), durationMicros: 1_500,
            startedAt: noon, counterfactual: TokenUsage(inputTokens: 21, outputTokens: 2, flops: 5_000_000))
        return LedgerEntry(
            step: Step.ID(request: request, ordinal: step), tenant: .default,
            route: Route(.legalServices, "clause-type"), attempt: attempt, cost: PicoDollars(cost),
            counterfactualCost: PicoDollars(cost * 7), onceCost: PicoDollars(cost * 3))
    }

    static func instance(
        _ id: String, _ state: Instance.State = .running, partitions: Int = 6, beatAt: Timestamp = noon
    ) -> Instance {
        var generator = SystemRandomNumberGenerator()
        return Instance(
            id: Instance.ID(id) ?? Instance.ID(using: &generator), service: "legal-services-worker", host: "here",
            processID: 42, version: "1", state: state, partitions: partitions, startedAt: noon, beatAt: beatAt,
            processorTime: 1500, beatInterval: 5000)
    }

    /// - Parameter id: one hexadecimal digit.
    static func certificate(
        _ id: String, task: String = "clause-type", small: String = "small@7", at time: Timestamp = noon
    ) -> Certificate {
        var generator = SystemRandomNumberGenerator()
        return Certificate(
            id: Certificate.ID(String(repeating: id, count: 16)) ?? Certificate.ID(using: &generator),
            route: Route(.legalServices, task), smallModel: small, fullModel: "full@1", alpha: 0.01, delta: 0.05,
            temperature: 1.25, threshold: 0.95, acceptThreshold: 0.930_000_000_000_1, fitted: 100, items: 900,
            accepted: 700,
            disagreements: 2, bound: 0.009, escalationRate: .init(value: 0.25, low: 0.22, high: 0.28),
            saving: .init(value: 0.7, low: 0.67, high: 0.73), source: .init(file: "items.jsonl.gz", sha256: "ab"),
            certifiedAt: time)
    }

    static func answer(_ label: String = "Governing Law") -> Answer {
        Answer(.label(label), confidence: 0.987_654, decidedBy: .worker, model: "legal-services-clause-type@1")
    }

    /// The change for an answered request with one step.
    static func completion(of snapshot: RequestSnapshot, cost: Int64 = 10) -> RequestChange {
        var step = snapshot.steps[0]
        step.state = .answered
        step.answers = step.items.map { _ in answer() }
        return RequestChange(
            request: snapshot.id, state: .completed, updatedSteps: [step],
            entries: [entry(snapshot.id, cost: cost)], progressedAt: noon.adding(milliseconds: 500))
    }
}
