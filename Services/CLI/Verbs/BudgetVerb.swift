import Contracts
import PostgresStore
import Store

/// What tenants may spend on escalations.
struct BudgetVerb: Verb {
    static let name = "budget"
    static let summary = "show what tenants may spend on escalations and have spent, or set it"
    static let help = """
        Usage: winnow budget show [TENANT] [--json]
               winnow budget set TENANT --period hour|day|month --usd N [--policy degrade|queue|fail] [--json]
               winnow budget set TENANT --period hour|day|month --unlimited [--json]

        A limit is in USD, such as 5 or 0.25, or in pico-USD (10^-12 USD) with --limit N in place of --usd N. It holds for
        calls of the full model that a tenant's requests need, over all processes: a call is reserved at the most that it can cost, and settled at what it did. What there is no room for
        gets the small model's answer, marked "degraded" (degrade, unless said otherwise), waits until there is room
        (queue), or fails (fail). With several periods each must have room, and the longest without decides. Periods are
        of UTC.
        """
    static let flags: Set<String> = ["--json", "--unlimited"]

    private enum Action {
        case show(TenantID?)
        case set(Budget)
        case remove(TenantID, Budget.Period)
    }

    private let action: Action
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let word = try arguments.operand("show or set")
        isJSON = arguments.flag("--json")
        switch word {
        case "show":
            let words = arguments.rest()
            guard words.count <= 1 else { throw UsageError("unexpected word: \(words[1])") }
            action = .show(words.first.map { TenantID(rawValue: $0) })
        case "set":
            let tenant = try arguments.tenant()
            let period: Budget.Period? = try arguments.choice("--period")
            guard let period else { throw UsageError("--period is missing") }
            guard !arguments.flag("--unlimited") else {
                action = .remove(tenant, period)
                return
            }
            let usd = try arguments.money("--usd", decimals: 12)
            let pico = try arguments.integer("--limit", default: -1, in: 0...Int.max)
            guard usd == nil || pico < 0 else { throw UsageError("--usd and --limit say the same: give one") }
            guard usd != nil || pico >= 0 else { throw UsageError("--usd, --limit or --unlimited is missing") }
            action = .set(
                Budget(
                    tenant: tenant, period: period, limit: usd ?? PicoDollars(Int64(pico)),
                    policy: try arguments.choice("--policy") ?? .degrade))
        default: throw UsageError("no such action: \(word)")
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let settings = try session.postgres()
        let store = PostgresStore(settings)
        var shown: TenantID?
        switch action {
        case .show(let tenant): shown = tenant
        case .set(let budget):
            try await store.setBudget(budget)
            shown = budget.tenant
        case .remove(let tenant, let period):
            guard try await store.removeBudget(of: tenant, period) else {
                Console.complain("winnow budget: \(tenant.rawValue) has no budget for a \(period.rawValue)")
                return .failed
            }
            shown = tenant
        }
        Console.print(
            Table.showing(try await OperationsReader(settings).budgets(of: shown), asJSON: isJSON), asJSON: isJSON)
        return .ok
    }
}
