import Contracts
import PostgresStore
import Store

/// Lists the certificates, or revokes one.
struct CertificatesVerb: Verb {
    static let name = "certificates"
    static let summary = "list what the small models may answer themselves, or revoke it"
    static let flags: Set<String> = ["--json", "--all"]
    static let help = """
        Usage: winnow certificates [list] [--all] [--json]
               winnow certificates tenants [--json]
               winnow certificates revoke ID --why REASON [--tenant TENANT] [--json]

        'list' shows those that stand, and whether they hold: whether they are of the models in WINNOW_MODELS_DIRECTORY. A
        task without one that holds escalates everything. 'tenants' shows for which tenants a certificate was revoked while
        others still use it. After 'revoke' that task's workers escalate within seconds, until it is certified anew; an
        older certificate does not come back.

          --all            also show those that were revoked or superseded
          --tenant TENANT  revoke it for this tenant only

        Ends with 1 when there is no such certificate.
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
            guard let id = Certificate.ID(word) else { throw UsageError("no id of a certificate: \(word)") }
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
        let models = try DeployedModels(directory: session.modelsDirectory)
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
