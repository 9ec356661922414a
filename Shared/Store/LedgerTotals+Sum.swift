import Contracts

extension LedgerTotals {
    /// What a request has cost; a check in the background is not its own.
    package static func sum(_ entries: some Sequence<LedgerEntry>) -> LedgerTotals {
        entries.reduce(into: .zero) { totals, entry in
            guard entry.attempt.kind != .shadow else { return }
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
        guard snapshot.state.isFinal else {
            stored.totals = .zero
            return stored
        }
        stored.totals = .sum(entries)
        stored.completedAt = snapshot.progressedAt
        stored.resultCost = ResultCost(totals: stored.totals, isFinal: true)
        return stored
    }
}
