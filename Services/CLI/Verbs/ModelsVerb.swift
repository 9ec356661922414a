import Contracts
import Inference
import PostgresStore
import Store

/// Lists the models; prices them, and takes up the certificates that they come with.
struct ModelsVerb: Verb {
    static let name = "models"
    static let summary = "list the models, or register their first prices and their certificates"
    static let help = """
        Usage: winnow models list [--json]
               winnow models register [--pico-usd-per-megaflop N]

        register reads the model cards and gives every model that has no price yet one a token, from the operations
        that a token of its validation items took on average. The default, 111 pico-USD a million operations, is a core
        at 0.04 USD an hour that does 100 billion a second. Prices that are there are never changed. It also registers
        the certificates that stand in certificates.jsonl beside a model; one that was revoked stays so.
        """

    private static let names = ["full", "router"] + Capability.requestable.map(\.rawValue)

    private let isRegistering: Bool
    private let rate: Int
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let action = try arguments.operand("list or register")
        guard ["list", "register"].contains(action) else { throw UsageError("no such action: \(action)") }
        isRegistering = action == "register"
        rate = try arguments.integer("--pico-usd-per-megaflop", default: 111, in: 1...1_000_000_000)
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let cards = try Self.names.map { try ModelCard.load(directory: "\(session.modelsDirectory)/\($0)") }
        if isRegistering {
            let store = PostgresStore(try session.postgres())
            try await store.registerPrices(
                cards.map { card in
                    Price(
                        model: card.identity.name, inputToken: tokenPrice(of: card), outputToken: .zero,
                        validFrom: Timestamp(milliseconds: 0))
                })
            try await store.registerCertificates(
                Capability.requestable.flatMap { capability in
                    try CertificateFile.read(CertificateFile.path(of: capability, in: session.modelsDirectory))
                })
        }
        let table = Table(
            columns: ["model", "version", "tasks", "mflops_per_token", "pico_usd_per_token"],
            rows: cards.map { card in
                [
                    .text(card.identity.name), .text(card.identity.version),
                    .text(card.heads.map(\.route.task).joined(separator: " ")),
                    .number("\((card.flopsPerToken / 1000).rounded() / 1000)"),
                    .number("\(tokenPrice(of: card).amount)"),
                ]
            })
        Console.print(table, asJSON: isJSON)
        return .ok
    }

    private func tokenPrice(of card: ModelCard) -> PicoDollars {
        max(PicoDollars(1), PicoDollars(rounding: (card.flopsPerToken * Double(rate) / 1_000_000).rounded(.down)))
    }
}
