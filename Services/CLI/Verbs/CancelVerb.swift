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
        else is computed, and the result says "cancelled". A moment may pass until then. A request that still waits for
        its turn has the latter only.

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
        let (reader, store) = (OperationsReader(settings), PostgresStore(settings))
        var found = try await reader.find(id, tenant: tenant)
        if found.isEmpty {
            let waiting = try await store.cancelWaiting(EventID(id), of: tenant, at: .now)
            if waiting.count > 1 { return askWhich(waiting) }
            if let owner = waiting.first { return report(nil, owner) }
            // Its turn may have come in between.
            found = try await reader.find(id, tenant: tenant)
        }
        guard let request = found.first else { return complain("no such request: \(id)") }
        guard found.count == 1 else { return askWhich(found.map(\.tenant)) }
        guard request.state == .open else { return complain("the request is \(request.state.rawValue) already") }
        try await store.requestCancellation(of: [request.id], at: .now)
        return report(request.id, request.tenant)
    }

    private func report(_ request: Request.ID?, _ tenant: TenantID) -> ExitStatus {
        let table = Table(
            columns: ["request_id", "tenant", "cancellation"],
            rows: [[request.map { .text("\($0)") } ?? .none, .text(tenant.rawValue), .text("requested")]])
        Console.print(table, asJSON: isJSON)
        return .ok
    }

    private func askWhich(_ tenants: [TenantID]) -> ExitStatus {
        complain("say which with --tenant: \(tenants.map(\.rawValue).joined(separator: ", "))")
    }

    private func complain(_ what: String) -> ExitStatus {
        Console.complain("winnow cancel: \(what)")
        return .failed
    }
}
