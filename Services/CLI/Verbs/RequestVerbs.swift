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

/// What happened to one request, in the order of time.
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

        Erases items and answers of the tenant's final requests in Postgres. This cannot be undone. States, costs and the
        ledger are kept: whoever asks for such a request again gets its status and its cost, without items.

          --before TIME  only requests that were accepted before (RFC 3339); now unless given

        Requests of that time that are still open, or wait for their turn, are cancelled. Run it again to erase those.
        Ends with 1 while there are any.

        Kafka keeps records until their topic's retention ends, and dead letters for a month: see infra/kafka/topics.json,
        and 'winnow dead-letters'. Backups keep what they hold: see infra/runbooks/backup.md.
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
        let instant = before ?? now
        // First, so that nothing becomes final in between without being counted by one of the two.
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
