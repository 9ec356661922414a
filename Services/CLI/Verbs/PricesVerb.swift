import Contracts
import PostgresStore
import Store

/// What a token of each model costs, and from when on.
struct PricesVerb: Verb {
    static let name = "prices"
    static let summary = "list what a token of each model costs, or add a price that begins later"
    static let help = """
        Usage: winnow prices list [--json]
               winnow prices set MODEL --input N --output N [--from TIME] [--json]

        Prices are whole pico-USD (10^-12 USD) a token and hold until the next one of the model begins: at --from, an RFC
        3339 time, or ten seconds from now, when every service has read it. The past keeps its price: one that begins
        earlier is refused, and none is ever changed.
        """

    private enum Action {
        case list
        case set(model: String, input: Int, output: Int, from: Timestamp?)
    }

    private let action: Action
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let word = try arguments.operand("list or set")
        isJSON = arguments.flag("--json")
        switch word {
        case "list": action = .list
        case "set":
            let model = try arguments.operand("MODEL")
            guard !model.isEmpty, !model.contains("@") else {
                throw UsageError("MODEL is a name without a version: a price is of all of them")
            }
            let range = 0...1_000_000_000_000
            let input = try arguments.integer("--input", default: -1, in: range)
            let output = try arguments.integer("--output", default: -1, in: range)
            guard input >= 0, output >= 0 else { throw UsageError("--input or --output is missing") }
            action = .set(model: model, input: input, output: output, from: try arguments.time("--from"))
        default: throw UsageError("no such action: \(word)")
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let settings = try session.postgres()
        if case .set(let model, let input, let output, let from) = action {
            try await PostgresStore(settings).addPrice(
                of: model, inputToken: PicoDollars(Int64(input)), outputToken: PicoDollars(Int64(output)), from: from)
        }
        let table = Table(try await OperationsReader(settings).prices())
        Console.print(table, asJSON: isJSON)
        return .ok
    }
}
