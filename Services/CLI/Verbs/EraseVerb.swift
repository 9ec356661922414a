import Contracts
import PostgresStore
import Store

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
