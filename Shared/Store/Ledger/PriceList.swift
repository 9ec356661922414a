import Contracts
import Synchronization

/// The prices over time, also those to come; a model without one costs nothing, and its ledger rows say so by their zero.
public struct PriceList: Sendable, Equatable {
    private let byModel: [ExactText: [Price]]

    public init(_ prices: [Price] = []) {
        byModel = Dictionary(grouping: prices) { ExactText($0.model) }
            .mapValues { $0.sorted { $0.validFrom > $1.validFrom } }
    }

    /// The price of `usage` on `model` at `time`, in whole pico-USD.
    /// - Throws: `ContractError` for a cost that is too large to be written.
    public func cost(of usage: TokenUsage, model: String, at time: Timestamp) throws(ContractError) -> PicoDollars {
        guard let price = byModel[ExactText(model)]?.first(where: { $0.validFrom <= time }) else { return .zero }
        let input = usage.inputTokens.multipliedReportingOverflow(by: price.inputToken.amount)
        let output = usage.outputTokens.multipliedReportingOverflow(by: price.outputToken.amount)
        let sum = input.partialValue.addingReportingOverflow(output.partialValue)
        guard !input.overflow, !output.overflow, !sum.overflow else {
            throw ContractError(.tooLarge, "a call's tokens times their price are more than can be written")
        }
        return PicoDollars(sum.partialValue)
    }

    /// A ledger row for `attempt`, priced when it started; `fullModel` prices what the full model alone would have cost.
    /// - Parameter credit: `nil` where the attempt's counterfactual is already that of the answered items alone; the texts
    ///   of those are `texts` then.
    /// - Throws: `ContractError` for a cost that is too large to be written.
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

    /// A call as it begins: at the instant of the store that reserves it, and at the price of that instant.
    /// - Throws: `ContractError` for a cost that is too large to be written.
    public func begun(_ call: LedgerEntry, at instant: Timestamp) throws(ContractError) -> LedgerEntry {
        var call = call
        call.attempt.startedAt = instant
        call.cost = try cost(of: call.attempt.usage, model: call.attempt.model, at: instant)
        return call
    }
}

/// The prices, read again once in a while: a new price needs no restart.
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
