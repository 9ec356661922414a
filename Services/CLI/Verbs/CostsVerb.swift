import PostgresStore

/// What was spent, and what the full model alone would have cost.
struct CostsVerb: Verb {
    static let name = "costs"
    static let summary = "what each capability, task, model, tenant or hour has cost"
    static let help = """
        Usage: winnow costs [--by capability|task|model|tenant|hour] [--json]
               winnow costs --focus

        Sums the ledger: calls, items, tokens, operations, cost, and what the full model alone would have cost for the items
        that were answered. Failed, refused and degraded items save nothing, and tests (winnow evaluate, winnow report, tenants
        marked as such) are charged but left out of what the full model would have cost. Below stand what everything has cost,
        two baselines (the full model asked item by item, and once for each request), and what the platform itself costs: the
        processor time of services and database at the rate of 'winnow prices platform'. Costs are in nano-USD (10^-9 USD) where
        they are small; --json has pico-USD and USD.

        --focus prints ops.focus_cost as CSV in the columns of FOCUS 1.2, for tools that read cloud bills.
        """

    static let flags: Set<String> = ["--json", "--focus"]

    private let grouping: CostGrouping
    private let isFocus: Bool
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        grouping = try arguments.choice("--by") ?? .capability
        isJSON = arguments.flag("--json")
        isFocus = arguments.flag("--focus")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let reader = OperationsReader(try session.postgres())
        guard !isFocus else {
            Console.print(try await reader.focusCosts().csv)
            return .ok
        }
        Console.print(Table.showing(try await reader.costs(by: grouping), asJSON: isJSON), asJSON: isJSON)
        guard !isJSON else { return .ok }
        Console.print("")
        Console.print(Table(forPeople: try await reader.savings()), asJSON: false)
        return .ok
    }
}
