import Certification
import Contracts
import Inference
import Models
import JSON
import PostgresStore
import Settings
import Store

/// Lists the certificates, or revokes one.
struct CertificatesVerb: Verb {
    static let name = "certificates"
    static let summary = "list the certificates of the small models, or revoke one"
    static let flags: Set<String> = ["--json", "--all"]
    static let help = """
        Usage: winnow certificates [list] [--all] [--json]
               winnow certificates tenants [--json]
               winnow certificates revoke ID --why REASON [--tenant TENANT] [--json]

        'list' shows the valid certificates, and whether they hold: whether they belong to the models in
        WINNOW_MODELS_DIRECTORY. All items of a task without such a certificate escalate. 'tenants' shows for which
        tenants a certificate was revoked while others still use it. After 'revoke' the task's workers escalate within
        seconds, until the task is certified again. An older certificate does not become valid again.

          --all            also show revoked and superseded certificates
          --tenant TENANT  revoke the certificate for this tenant only

        Exits with 1 if there is no such certificate.
        """

    private enum Action {
        case list(all: Bool)
        case tenants
        case revoke(Certificate.ID, TenantID?, why: String)
    }

    private let action: Action
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        var words = arguments.rest()[...]
        switch words.popFirst() ?? "list" {
        case "list": action = .list(all: arguments.flag("--all"))
        case "tenants": action = .tenants
        case "revoke":
            guard let word = words.popFirst() else { throw UsageError("ID is missing") }
            guard let id = Certificate.ID(word) else { throw UsageError("not the id of a certificate: \(word)") }
            guard let why = arguments.value("--why"), !why.isEmpty else { throw UsageError("--why is missing") }
            action = .revoke(id, arguments.value("--tenant").map { TenantID(authID: $0) }, why: why)
        case let word: throw UsageError("no such action: \(word)")
        }
        if let word = words.first { throw UsageError("unexpected word: \(word)") }
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        switch action {
        case .list(let all): return try await list(all: all, session)
        case .tenants:
            let table = Table(try await OperationsReader(session.postgres()).tenantRevocations())
            Console.print(table, asJSON: isJSON)
            return .ok
        case .revoke(let id, let tenant, let why):
            let store = PostgresStore(try session.postgres())
            guard try await store.revoke(id, for: tenant, why: why, at: .now) else {
                Console.complain("winnow certificates: no such certificate: \(id)")
                return .failed
            }
            let table = Table(columns: ["id", "state"], rows: [[.text("\(id)"), .text("revoked")]])
            Console.print(table, asJSON: isJSON)
            return .ok
        }
    }

    private func list(all: Bool, _ session: Session) async throws -> ExitStatus {
        let report = try await OperationsReader(session.postgres()).certificates(all: all)
        let models = try DeployedModels(directory: session.modelsDirectory, catalog: try session.catalog())
        var table = Table(report)
        func column(_ name: String, of row: [String?]) -> String? {
            report.columns.firstIndex { $0.name == name }.flatMap { row[$0] }
        }
        table.columns.insert("holds", at: 2)
        for (index, row) in report.rows.enumerated() {
            let holds =
                column("state", of: row) == "standing"
                && column("task", of: row).flatMap { Route($0) }.map { route in
                    models.run(route, small: column("small_model", of: row), full: column("full_model", of: row))
                } ?? false
            table.rows[index].insert(.text(holds ? "yes" : "no"), at: 2)
        }
        Console.print(table, asJSON: isJSON)
        return .ok
    }
}

/// Lists the models, or registers their prices and the certificates that are stored beside them.
struct ModelsVerb: Verb {
    static let name = "models"
    static let summary = "list the models, or register their first prices and their certificates"
    static let help = """
        Usage: winnow models list [--json]
               winnow models register [--pico-usd-per-megaflop N]

        list shows each model, and its version on each task: certificates, answers and the ledger name both. register
        sets a price per token for every model without one, from the operations
        that a token of its validation items took on average. The default, 111 pico-USD per million operations,
        corresponds to a core at 0.04 USD an hour that does 100 billion operations a second. Existing prices never
        change. It also registers the certificates in certificates.jsonl beside a model. A revoked certificate stays
        revoked.
        """

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
        let catalog = try session.catalog()
        let models = try catalog.artifactNames.map {
            try RouteIdentities(directory: "\(session.modelsDirectory)/\($0)", catalog: catalog)
        }
        if isRegistering {
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

    private func tokenPrice(of card: ModelCard) -> PicoDollars {
        max(PicoDollars(1), PicoDollars(rounding: (card.flopsPerToken * Double(rate) / 1_000_000).rounded(.down)))
    }
}

/// The models in the models directory, on each route of the catalog.
struct DeployedModels {
    private let pairs: [Route: ModelPair]

    /// - Throws: `ArtifactError`
    init(directory: String, catalog: Catalog) throws {
        var models: [String: RouteIdentities] = [:]
        func identity(_ name: String?, _ route: Route) throws -> ModelIdentity? {
            guard let name else { return nil }
            if TaskModels.isEndpoint(name) { return catalog.fullEndpoint(of: route) }
            let model = try models[name] ?? RouteIdentities(directory: "\(directory)/\(name)", catalog: catalog)
            models[name] = model
            return model.identity(of: route)
        }
        pairs = try catalog.routes.reduce(into: [:]) { pairs, route in
            guard let task = catalog[route], let small = try identity(task.models.small, route),
                let full = try identity(task.models.full, route)
            else { return }
            pairs[route] = ModelPair(small: small, full: full)
        }
    }

    func run(_ route: Route, small: String?, full: String?) -> Bool {
        pairs[route].map { $0.small.description == small && $0.full.description == full } ?? false
    }
}
