import Contracts
import Inference
import ModelEndpoint
import PostgresStore
import Store
import Telemetry

/// Lists the models, registers their prices and the certificates that are stored beside them, or asks an endpoint what
/// its server supports.
struct ModelsVerb: Verb {
    static let name = "models"
    static let summary = "list the models, register their first prices and certificates, or test an endpoint"
    static let help = """
        Usage: winnow models list [--json]
               winnow models register [--pico-usd-per-megaflop N] [--json]
               winnow models test NAME [--json]

        list shows each model, and its version on each task: certificates, answers and the ledger name both. register
        sets a price per token for every model without one, from the operations
        that a token of its validation items took on average. The default, 111 pico-USD per million operations,
        corresponds to a core at 0.04 USD an hour that does 100 billion operations a second. Existing prices never
        change. It also registers the certificates in certificates.jsonl beside a model. A revoked certificate stays
        revoked.

        test asks the server of the endpoint NAME, a file NAME.json in WINNOW_ENDPOINTS_DIRECTORY, one small question of
        each kind: for a label, a text and JSON. It shows which were answered, and what the server supports: JSON
        schemas, probabilities of tokens, counts of tokens. It makes up to five requests and costs what they cost. No
        suite needs to run.

        Exits with 1 if the server does not answer every question.
        """

    private enum Action {
        case list, register
        case test(endpoint: String)
    }

    private let action: Action
    private let rate: Int
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        switch try arguments.operand("list, register or test") {
        case "list": action = .list
        case "register": action = .register
        case "test": action = .test(endpoint: try arguments.operand("NAME"))
        case let word: throw UsageError("no such action: \(word)")
        }
        rate = try arguments.integer("--pico-usd-per-megaflop", default: 111, in: 1...1_000_000_000)
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        if case .test(let name) = action { return try await test(name, session) }
        let catalog = try session.catalog()
        let models = try catalog.artifactNames.map {
            try RouteIdentities(directory: "\(session.modelsDirectory)/\($0)", catalog: catalog)
        }
        if case .register = action {
            let store = PostgresStore(try session.postgres())
            try await store.registerPrices(
                models.map(\.card).map { card in
                    Price(
                        model: card.name, inputToken: tokenPrice(of: card), outputToken: .zero,
                        validFrom: Timestamp(milliseconds: 0))
                })
            try await store.registerCertificates(
                catalog.artifactNames.flatMap { model in
                    try CertificateFile.read(CertificateFile.path(of: model, in: session.modelsDirectory))
                })
        }
        let table = Table(
            columns: ["model", "task", "version", "mflops_per_token", "pico_usd_per_token"],
            rows: models.flatMap { model in
                model.card.heads.map(\.route).map { route in
                    [
                        .text(model.card.name), .text("\(route)"), .text(model.identity(of: route)?.version ?? ""),
                        .number("\((model.card.flopsPerToken / 1000).rounded() / 1000)"),
                        .number("\(tokenPrice(of: model.card).amount)"),
                    ]
                }
            })
        Console.print(table, asJSON: isJSON)
        return .ok
    }

    private func test(_ name: String, _ session: Session) async throws -> ExitStatus {
        // What the log would say is in the findings.
        let probe = try await EndpointFolder(session.endpointsDirectory).probe(
            name, metrics: session.metrics, logger: Logger(service: "winnow", level: .error))
        let findings = EndpointFindings.of(probe)
        Console.print(Table(findings), asJSON: isJSON)
        return findings.contains { $0.verdict == .bad } ? .failed : .ok
    }

    private func tokenPrice(of card: ModelCard) -> PicoDollars {
        max(PicoDollars(1), PicoDollars(rounding: (card.flopsPerToken * Double(rate) / 1_000_000).rounded(.down)))
    }
}
