import Contracts

/// The prices over time, also those to come; a model without one costs nothing, and its ledger rows say so by their zero.
public struct PriceList: Sendable, Equatable {
    private let byModel: [ExactText: [Price]]

    public init(_ prices: [Price] = []) {
        byModel = Dictionary(grouping: prices) { ExactText($0.model) }
            .mapValues { $0.sorted { $0.validFrom > $1.validFrom } }
    }

    /// The price of `usage` on `model` at `time`, in whole pico-USD.
    public func cost(of usage: TokenUsage, model: String, at time: Timestamp) -> PicoDollars {
        guard let price = byModel[ExactText(model)]?.first(where: { $0.validFrom <= time }) else { return .zero }
        return PicoDollars(
            usage.inputTokens * price.inputToken.amount + usage.outputTokens * price.outputToken.amount)
    }

    /// A ledger row for `attempt`, priced when it started; `fullModel` prices the counterfactual.
    public func entry(
        for attempt: Attempt, of step: Step.ID, tenant: TenantID, route: Route, fullModel: String
    ) -> LedgerEntry {
        LedgerEntry(
            step: step, tenant: tenant, route: route, attempt: attempt,
            cost: cost(of: attempt.usage, model: attempt.model, at: attempt.startedAt),
            counterfactualCost: cost(of: attempt.counterfactual, model: fullModel, at: attempt.startedAt))
    }
}
