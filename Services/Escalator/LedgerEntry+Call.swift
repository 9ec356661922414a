import Contracts
import Inference
import Store
import WorkerKit

extension LedgerEntry {
    /// A call of the full model before it is made, at the most tokens that it can take. Never the first of its step, for
    /// that is the worker's. The ledger gives it its instant and its price.
    init(
        _ kind: Attempt.Kind, of step: Step.ID, tenant: TenantID, _ group: BatchClassification.Group,
        on classifier: any Classifier
    ) {
        let model = classifier.identity
        let tokens = group.texts.reduce(0) { $0 + classifier.mostTokens(of: $1, as: group.route) }
        self.init(
            step: step, tenant: tenant, route: group.route,
            attempt: Attempt(
                number: 2, kind: kind, state: .started, model: model.name, version: model.version,
                items: group.texts.count, usage: TokenUsage(inputTokens: Int64(tokens), flops: 0), durationMicros: 0,
                startedAt: .now),
            cost: .zero, counterfactualCost: .zero)
    }

    /// It keeps the instant of its reservation, by which it is priced and counted.
    /// - Parameter answered: predictions whose items no other attempt counts as what the full model alone would have been
    ///   asked for.
    func settled(
        by share: BatchClassification.Share, pricing: PriceList, answered: [Prediction] = []
    ) throws(ContractError) -> LedgerEntry {
        func cost(_ usage: TokenUsage) throws(ContractError) -> PicoDollars {
            try pricing.cost(of: usage, model: attempt.model, at: attempt.startedAt)
        }
        var entry = self
        entry.attempt.state = .settled
        entry.attempt.usage = share.usage
        entry.attempt.durationMicros = share.durationMicros
        entry.cost = try cost(share.usage)
        entry.attempt.counterfactual = BatchClassification.usage(of: answered)
        entry.counterfactualCost = try cost(entry.attempt.counterfactual)
        entry.onceCost = try cost(entry.attempt.counterfactual.joined(texts: answered.count))
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
