import Contracts
import Synchronization

/// The prices over time, including future ones. A model without a price costs nothing, and its ledger rows show 0.
public struct PriceList: Sendable, Equatable {
    private let byModel: [ExactText: [Price]]

    public init(_ prices: [Price] = []) {
        byModel = Dictionary(grouping: prices) { ExactText($0.model) }
            .mapValues { $0.sorted { $0.validFrom > $1.validFrom } }
    }

    /// The price of `usage` on `model` at `time`, in whole pico-USD.
    /// - Throws: `ContractError` if the cost is too large to be stored.
    public func cost(of usage: TokenUsage, model: String, at time: Timestamp) throws(ContractError) -> PicoDollars {
        guard let price = byModel[ExactText(model)]?.first(where: { $0.validFrom <= time }) else { return .zero }
        let input = usage.inputTokens.multipliedReportingOverflow(by: price.inputToken.amount)
        let output = usage.outputTokens.multipliedReportingOverflow(by: price.outputToken.amount)
        let sum = input.partialValue.addingReportingOverflow(output.partialValue)
        guard !input.overflow, !output.overflow, !sum.overflow else {
            throw ContractError(.tooLarge, "the cost of a call is too large to be stored")
        }
        return PicoDollars(sum.partialValue)
    }

    /// Creates the ledger row of `attempt`, priced at the time when it started. `fullModel` determines the price that
    /// the full model alone would have cost.
    /// - Parameter credit: `nil` if the attempt's counterfactual already covers only the answered items. In this case
    ///   `texts` is the number of their texts.
    /// - Throws: `ContractError` if the cost is too large to be stored.
    public func entry(
        for attempt: Attempt, of step: Step.ID, tenant: TenantID, route: Route, fullModel: String,
        credit: Credit?, texts: Int = 0
    ) throws(ContractError) -> LedgerEntry {
        var attempt = attempt
        let once = credit?.asOne(attempt.counterfactual) ?? attempt.counterfactual.joined(texts: texts)
        if let credit { attempt.counterfactual = credit.byItem(attempt.counterfactual) }
        return LedgerEntry(
            step: step, tenant: tenant, route: route, attempt: attempt,
            cost: try cost(of: attempt.usage, model: attempt.model, at: attempt.startedAt),
            counterfactualCost: try cost(of: attempt.counterfactual, model: fullModel, at: attempt.startedAt),
            onceCost: try cost(of: once, model: fullModel, at: attempt.startedAt))
    }

    /// Prices a call at the instant at which the store reserves it.
    /// - Throws: `ContractError` if the cost is too large to be stored.
    public func begun(_ call: LedgerEntry, at instant: Timestamp) throws(ContractError) -> LedgerEntry {
        var call = call
        call.attempt.startedAt = instant
        call.cost = try cost(of: call.attempt.usage, model: call.attempt.model, at: instant)
        return call
    }
}

/// A cached price list that is read again periodically, so that a new price takes effect without a restart.
public final class PriceBook: Sendable {
    private let store: any RequestStore
    private let lifetime: Duration
    private let known = Mutex<(prices: PriceList, readAt: ContinuousClock.Instant)?>(nil)

    public init(store: any RequestStore, lifetime: Duration = .seconds(10)) {
        self.store = store
        self.lifetime = lifetime
    }

    /// - Throws: `StoreError`
    public func current() async throws -> PriceList {
        let now = ContinuousClock.now
        if let known = known.withLock(\.self), now - known.readAt < lifetime { return known.prices }
        let prices = PriceList(try await store.prices())
        known.withLock { $0 = (prices, now) }
        return prices
    }
}
