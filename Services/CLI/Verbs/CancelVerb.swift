import Contracts
import PostgresStore
import Store

/// Stops what has not run of a request.
struct CancelVerb: Verb {
    static let name = "cancel"
    static let summary = "stop what has not run of a request"
    static let help = """
        Usage: winnow cancel ID [--tenant TENANT] [--json]

        ID is Winnow's own id ("requestId" in the result), or the id that you gave. What has been answered stays; nothing
        else is computed, and the result says "cancelled". A moment may pass until then.

          --tenant TENANT  whose request, where several tenants have used the id

        Ends with 1 when there is no such request, or when it is final already.
        """

    private let id: String
    private let tenant: TenantID?
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        id = try arguments.operand("ID")
        tenant = arguments.value("--tenant").map { TenantID(rawValue: $0) }
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let settings = try session.postgres()
        let found = try await OperationsReader(settings).find(id, tenant: tenant)
        guard let request = found.first else { return complain("no such request: \(id)") }
        guard found.count == 1 else {
            let tenants = found.map(\.tenant.rawValue).joined(separator: ", ")
            return complain("say which with --tenant: \(tenants)")
        }
        guard request.state == .open else { return complain("the request is \(request.state.rawValue) already") }
        try await PostgresStore(settings).requestCancellation(of: [request.id], at: .now)
        let table = Table(
            columns: ["request_id", "tenant", "cancellation"],
            rows: [[.text("\(request.id)"), .text(request.tenant.rawValue), .text("requested")]])
        Console.print(isJSON ? table.json : table.text)
        return .ok
    }

    private func complain(_ what: String) -> ExitStatus {
        Console.complain("winnow cancel: \(what)")
        return .failed
    }
}
