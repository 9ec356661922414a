import Contracts
import PostgresStore
import Store

/// What a token of each model costs, and from when on.
struct PricesVerb: Verb {
    static let name = "prices"
    static let summary = "list what a token of each model costs, or add a price that begins later"
    static let help = """
        Usage: winnow prices list [--json]
               winnow prices set MODEL --usd-per-million-tokens N [--usd-per-million-output-tokens N]
                                 [--from TIME] [--json]
               winnow prices set MODEL --input N --output N [--from TIME] [--json]
               winnow prices platform --usd-per-core-hour N [--from TIME]

        A price is in USD a million tokens, such as 0.15, for output tokens the same unless said otherwise; or in whole
        pico-USD (10^-12 USD) a token. It holds until the next one of the model begins: at --from, an RFC 3339 time, or ten
        seconds from now, when every service has read it. The past keeps its price: one that begins earlier is refused, and
        none is ever changed.

        'platform' sets what an hour of one processor core costs, 0.04 USD unless set; it holds for the days (UTC) that begin
        after it does. 'winnow costs' and ops.platform_cost show what the platform costs at that rate.
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
                throw UsageError("MODEL is a name without a version: a price is of all of them")
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

    /// - Units: pico-USD; the database holds prices against the same bound.
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
