import Contracts
import PostgresStore
import Store

/// Cancels the steps of a request that have not run.
struct CancelVerb: Verb {
    static let name = "cancel"
    static let summary = "cancel the steps of a request that have not run"
    static let help = """
        Usage: winnow cancel ID [--tenant TENANT] [--json]

        ID is Winnow's own id ("requestId" in the result), or the id that you gave. Finished answers stay. Nothing else
        is computed, and the result's status is "cancelled". This takes effect after a moment. A request that still
        waits for its turn has only the id that you gave.

          --tenant TENANT  the tenant, if several tenants have used the id

        Exits with 1 if there is no such request or if it is already final.
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
            // The request may have been accepted in the meantime.
            found = try await reader.find(id, tenant: tenant)
        }
        guard let request = found.first else { return complain("no such request: \(id)") }
        guard found.count == 1 else { return askWhich(found.map(\.tenant)) }
        guard request.state == .open else { return complain("the request is already \(request.state.rawValue)") }
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
        complain("choose a tenant with --tenant: \(tenants.map(\.rawValue).joined(separator: ", "))")
    }

    private func complain(_ what: String) -> ExitStatus {
        Console.complain("winnow cancel: \(what)")
        return .failed
    }
}

/// Shows what happened to one request, in order of time.
struct TraceVerb: Verb {
    static let name = "trace"
    static let summary = "show what happened to a request, step by step and call by call"
    static let help = """
        Usage: winnow trace REQUEST_ID [--json]

        REQUEST_ID is Winnow's own id ("requestId" in the result), or the id that you gave. No payload is shown.
        """

    private let id: String
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        id = try arguments.operand("REQUEST_ID")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let reader = OperationsReader(try session.postgres())
        let timeline = Table(try await reader.timeline(of: id))
        guard !timeline.rows.isEmpty else {
            Console.complain("winnow trace: no such request: \(id)")
            return .failed
        }
        Console.print(timeline, asJSON: isJSON)
        return .ok
    }
}

/// Erases the texts of a tenant's requests.
struct EraseVerb: Verb {
    static let name = "erase"
    static let summary = "erase the texts and answers of a tenant's requests, and keep what they cost"
    static let help = """
        Usage: winnow erase --tenant TENANT [--before TIME] [--json]

        Erases items and answers of the tenant's final requests in Postgres. This cannot be undone. States, costs and
        the ledger stay. A client that sends such a request again gets its status and cost, without items.

          --before TIME  only requests that were accepted before TIME (RFC 3339; default all)

        Matching requests that are still open or wait for their turn are cancelled. Run the command again to erase
        them. Exits with 1 while there are any.

        Kafka keeps records until their topic's retention ends, and dead letters for a month: see infra/kafka/topics.json
        and 'winnow dead-letters'. Backups keep their contents: see infra/runbooks/backup.md.
        """

    private let tenant: TenantID
    private let before: Timestamp?
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        guard let tenant = arguments.value("--tenant") else { throw UsageError("--tenant is missing") }
        self.tenant = try Arguments.tenant(tenant, "--tenant")
        before = try arguments.time("--before")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let store = PostgresStore(try session.postgres())
        let now = Timestamp.now
        // Without a limit no clocks are compared: acceptance has the decomposer's.
        let instant = before ?? .last
        // Requests are cancelled before the erasure, so that every request is counted by one of the two.
        let cancelled = try await store.cancelRequests(of: tenant, before: instant, at: now)
        let erased = try await store.erasePayload(of: tenant, before: instant)
        let table = Table(
            columns: ["tenant", "erased_requests", "cancelled_requests"],
            rows: [[.text(tenant.rawValue), .number("\(erased)"), .number("\(cancelled)")]])
        Console.print(table, asJSON: isJSON)
        guard cancelled == 0 else {
            Console.complain("winnow erase: open requests are being cancelled; run it again to erase them")
            return .failed
        }
        return .ok
    }
}
