import Contracts
import PostgresStore
import Store

/// Shows or sets what tenants may spend on escalations.
struct BudgetVerb: Verb {
    static let name = "budget"
    static let summary = "show the tenants' budgets for escalations and what is spent, or set a budget"
    static let help = """
        Usage: winnow budget show [TENANT] [--json]
               winnow budget set TENANT --period hour|day|month --usd N [--policy degrade|queue|fail] [--json]
               winnow budget set TENANT --period hour|day|month --unlimited [--json]

        A limit is in USD, such as 5 or 0.25, or in pico-USD (10^-12 USD) with --limit N instead of --usd N. It covers
        the calls of the full model for a tenant's requests, over all processes. A call is reserved at its highest
        possible cost and settled at its actual cost. If the budget has no room for a call, the policy decides: the
        item gets the small model's answer, marked "degraded" (degrade, the default), waits until there is room
        (queue), or fails (fail). If a tenant has budgets of several periods, each must have room, and the longest
        period without room decides the policy. Periods are in UTC.
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
            guard usd == nil || pico < 0 else { throw UsageError("--usd and --limit exclude each other") }
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

/// Lists or sets the prices of the models' tokens.
struct PricesVerb: Verb {
    static let name = "prices"
    static let summary = "list the token prices of the models, or add a price that begins later"
    static let help = """
        Usage: winnow prices list [--json]
               winnow prices set MODEL --usd-per-million-tokens N [--usd-per-million-output-tokens N]
                                 [--from TIME] [--json]
               winnow prices set MODEL --input N --output N [--from TIME] [--json]
               winnow prices platform --usd-per-core-hour N [--from TIME]

        A price is in USD per million tokens, such as 0.15; output tokens cost the same unless set otherwise. It may also
        be in whole pico-USD (10^-12 USD) per token. It is valid until the model's next price begins: at --from, an
        RFC 3339 time, or ten seconds from now, when every service has read it. Past prices never change, so a price
        that begins earlier is refused.

        'platform' sets the cost of an hour of one processor core (default 0.04 USD). It is valid for the days (UTC)
        that begin after it. 'winnow costs' and ops.platform_cost show the cost of the platform at that rate.
        """

    private enum Action {
        case list
        case set(model: String, input: PicoDollars, output: PicoDollars, from: Timestamp?)
        case platform(coreHour: PicoDollars, from: Timestamp?)
    }

    private let action: Action
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let word = try arguments.operand("list, set or platform")
        isJSON = arguments.flag("--json")
        switch word {
        case "list": action = .list
        case "set":
            let model = try arguments.operand("MODEL")
            guard !model.isEmpty, !model.contains("@") else {
                throw UsageError("MODEL is a name without a version: a price covers all versions")
            }
            let (input, output) = try Self.prices(&arguments)
            action = .set(model: model, input: input, output: output, from: try arguments.time("--from"))
        case "platform":
            guard let rate = try arguments.money("--usd-per-core-hour", decimals: 12, atMost: Self.mostAnHour) else {
                throw UsageError("--usd-per-core-hour is missing")
            }
            action = .platform(coreHour: rate, from: try arguments.time("--from"))
        default: throw UsageError("no such action: \(word)")
        }
    }

    /// - Units: pico-USD. The database enforces the same bound.
    private static let mostAnHour: Int64 = 1_000_000_000_000_000

    private static func prices(
        _ arguments: inout Arguments
    ) throws(UsageError) -> (input: PicoDollars, output: PicoDollars) {
        let usd = try arguments.money("--usd-per-million-tokens", decimals: 6, atMost: Limits.tokenPrice)
        let outputUSD = try arguments.money("--usd-per-million-output-tokens", decimals: 6, atMost: Limits.tokenPrice)
        let range = 0...Int(Limits.tokenPrice)
        let input = try arguments.integer("--input", default: -1, in: range)
        let output = try arguments.integer("--output", default: -1, in: range)
        if let usd {
            guard input < 0, output < 0 else { throw UsageError("give a price in USD or in pico-USD, not in both") }
            return (usd, outputUSD ?? usd)
        }
        guard outputUSD == nil else { throw UsageError("--usd-per-million-tokens is missing") }
        guard input >= 0, output >= 0 else {
            throw UsageError("--usd-per-million-tokens, or --input and --output, are missing")
        }
        return (PicoDollars(Int64(input)), PicoDollars(Int64(output)))
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let settings = try session.postgres()
        switch action {
        case .list: break
        case .set(let model, let input, let output, let from):
            try await PostgresStore(settings).addPrice(of: model, inputToken: input, outputToken: output, from: from)
        case .platform(let coreHour, let from):
            try await PostgresStore(settings).addPlatformRate(coreHour: coreHour, from: from)
            Console.print("an hour of a core: \(coreHour.usd) USD")
            return .ok
        }
        Console.print(Table.showing(try await OperationsReader(settings).prices(), asJSON: isJSON), asJSON: isJSON)
        return .ok
    }
}

/// Shows what was spent, and what the full model alone would have cost.
struct CostsVerb: Verb {
    static let name = "costs"
    static let summary = "show what each capability, task, model, tenant or hour has cost"
    static let help = """
        Usage: winnow costs [--by capability|task|model|tenant|hour] [--json]
               winnow costs --focus

        Sums the ledger: calls, items, tokens, operations, cost, and what the full model alone would have cost for the
        answered items. Failed, refused and degraded items save nothing. Tests (winnow evaluate, winnow report, and
        tenants marked as tests) are charged, but left out of the cost of the full model alone. A second table shows the
        total cost, two baselines (the full model asked item by item, and once for each request), and the cost of the
        platform itself: the processor time of services and database at the rate of 'winnow prices platform'. Small
        costs are shown in nano-USD (10^-9 USD); --json has pico-USD and USD.

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
