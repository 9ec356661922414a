import Contracts

extension LedgerTotals {
    package static func sum(_ entries: some Sequence<LedgerEntry>) -> LedgerTotals {
        entries.reduce(into: .zero) { totals, entry in
            totals.usage = totals.usage + entry.attempt.usage
            totals.cost += entry.cost
            totals.counterfactualUsage = totals.counterfactualUsage + entry.attempt.counterfactual
            totals.counterfactualCost += entry.counterfactualCost
        }
    }
}

extension Arrival {
    /// The snapshot as it is stored: one that arrives final has its ledger summed, an open one has none yet.
    package var stored: RequestSnapshot {
        var stored = snapshot
        stored.totals = snapshot.state.isFinal ? .sum(entries) : .zero
        return stored
    }
}
