import PostgresStore

/// What was spent, and what the full model alone would have cost.
struct CostsVerb: Verb {
    static let name = "costs"
    static let summary = "what each capability, task, model, tenant or hour has cost"
    static let help = """
        Usage: winnow costs [--by capability|task|model|tenant|hour] [--json]

        Sums the ledger: calls, items, tokens, operations, cost in pico-USD and USD, and what the full model alone
        would have cost for the same items.
        """

    private let grouping: CostGrouping
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        grouping = try arguments.choice("--by") ?? .capability
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let reader = OperationsReader(try session.postgres())
        let costs = Table(try await reader.costs(by: grouping))
        Console.print(costs, asJSON: isJSON)
        guard !isJSON else { return .ok }
        let savings = try await reader.savings()
        Console.print("")
        Console.print(Table(savings), asJSON: false)
        return .ok
    }
}
