import Contracts
import Inference
import Store
import WorkerKit

extension PriceList {
    /// A call of the full model before it is made, at the most tokens that it can take. Never the first of its step, for
    /// that is the worker's.
    func reservation(
        _ kind: Attempt.Kind, of step: Step.ID, tenant: TenantID, _ group: BatchClassification.Group,
        on classifier: any Classifier
    ) -> LedgerEntry {
        let model = classifier.identity
        let tokens = group.texts.reduce(0) { $0 + classifier.mostTokens(of: $1, as: group.route) }
        let attempt = Attempt(
            number: 2, kind: kind, state: .started, model: model.name, version: model.version,
            items: group.texts.count, usage: TokenUsage(inputTokens: Int64(tokens), flops: 0), durationMicros: 0,
            startedAt: .now)
        return entry(for: attempt, of: step, tenant: tenant, route: group.route, fullModel: model.name)
    }
}

extension LedgerEntry {
    /// It keeps the instant of its reservation, by which it is priced and counted.
    /// - Parameter isAlone: whether no other attempt says what the full model alone would have cost.
    func settled(
        by share: BatchClassification.Share, pricing: PriceList, isAlone: Bool = false
    ) -> LedgerEntry {
        var entry = self
        entry.attempt.state = .settled
        entry.attempt.usage = share.usage
        entry.attempt.durationMicros = share.durationMicros
        entry.cost = pricing.cost(of: share.usage, model: attempt.model, at: attempt.startedAt)
        if isAlone {
            entry.attempt.counterfactual = share.usage
            entry.counterfactualCost = entry.cost
        }
        return entry
    }

    /// A call that may be tried again was never answered, so it costs nothing. Any other keeps its reserved price.
    func failed(_ error: InferenceError) -> LedgerEntry {
        var entry = self
        entry.attempt.state = .failed
        entry.attempt.error = error.code.rawValue
        if error.isRetriable { (entry.attempt.usage, entry.cost) = (.zero, .zero) }
        return entry
    }
}
