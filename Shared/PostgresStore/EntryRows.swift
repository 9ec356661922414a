import Contracts
import Store

/// Ledger entries as columns.
struct EntryRows {
    var keys = PostgresArray<RequestKey>()
    var ordinals = PostgresArray<Int16>()
    var numbers = PostgresArray<Int16>()
    var tenants = PostgresArray<String>()
    var capabilities = PostgresArray<String>()
    var tasks = PostgresArray<String>()
    var kinds = PostgresArray<String>()
    var states = PostgresArray<String>()
    var models = PostgresArray<String>()
    var versions = PostgresArray<String>()
    var items = PostgresArray<Int32>()
    var durations = PostgresArray<Int64>()
    /// Input and output tokens, flops and cost; then the full model's.
    var amounts = [PostgresArray<Int64>](repeating: PostgresArray(), count: 8)
    /// The full model's cost, asked once for the whole request.
    var onceCosts = PostgresArray<Int64>()
    var guessed = PostgresArray<Int32>()
    var agreed = PostgresArray<Int32>()
    var errors = PostgresArray<String>()
    var startedAt = PostgresArray<Timestamp>()
    var settledAt = PostgresArray<Timestamp>()

    init(_ entries: some Sequence<LedgerEntry>) {
        for entry in entries { append(entry) }
    }

    var isEmpty: Bool { keys.count == 0 }

    private mutating func append(_ entry: LedgerEntry) {
        let attempt = entry.attempt
        keys.append(RequestKey(entry.step.request))
        ordinals.append(Int16(clamping: entry.step.ordinal))
        numbers.append(Int16(clamping: attempt.number))
        tenants.append(entry.tenant.rawValue)
        capabilities.append(entry.route.capability.rawValue)
        tasks.append(entry.route.task)
        kinds.append(attempt.kind.rawValue)
        states.append(attempt.state.rawValue)
        models.append(attempt.model)
        versions.append(attempt.version)
        items.append(Int32(clamping: attempt.items))
        durations.append(attempt.durationMicros)
        let totals = LedgerTotals(
            usage: attempt.usage, cost: entry.cost, counterfactualUsage: attempt.counterfactual,
            counterfactualCost: entry.counterfactualCost)
        for (index, value) in totals.columns.enumerated() { amounts[index].append(value) }
        onceCosts.append(entry.onceCost.amount)
        guessed.append(Int32(clamping: entry.guesses.known))
        agreed.append(Int32(clamping: entry.guesses.agreed))
        errors.append(attempt.error)
        startedAt.append(attempt.startedAt)
        let isSettled = attempt.state == .settled || attempt.state == .failed
        settledAt.append(isSettled ? attempt.startedAt.adding(milliseconds: attempt.durationMicros / 1000) : nil)
    }
}
