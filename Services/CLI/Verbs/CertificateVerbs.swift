import Certification
import Contracts
import Inference
import Models
import PostgresStore
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

/// The models in the models directory, on each route of the catalog.
struct DeployedModels {
    /// A model that may answer in place of the full model, and the full model.
    struct Tier {
        let isMiddle: Bool
        let models: ModelPair
    }

    /// The small model first.
    private let tiers: [Route: [Tier]]

    /// - Throws: `ArtifactError`
    init(directory: String, catalog: Catalog) throws {
        var models: [String: RouteIdentities] = [:]
        func identity(_ name: String?, _ route: Route) throws -> ModelIdentity? {
            guard let name else { return nil }
            if TaskModels.isEndpoint(name) { return catalog.endpoint(name, on: route) }
            let model = try models[name] ?? RouteIdentities(directory: "\(directory)/\(name)", catalog: catalog)
            models[name] = model
            return model.identity(of: route)
        }
        tiers = try catalog.routes.reduce(into: [:]) { tiers, route in
            guard let task = catalog[route], let full = try identity(task.models.full, route) else { return }
            tiers[route] = try [task.models.small, task.models.middle].enumerated().compactMap { place, name in
                try identity(name, route).map {
                    Tier(
                        isMiddle: place == 1,
                        models: ModelPair(small: $0, full: full, judge: catalog.judge(of: route)))
                }
            }
        }
    }

    func tiers(of route: Route) -> [Tier] { tiers[route] ?? [] }

    func run(_ route: Route, small: String?, full: String?) -> Bool {
        tiers(of: route).contains { $0.models.small.description == small && $0.models.full.description == full }
    }
}
