import Contracts
import KafkaBus
import PostgresStore

/// The topics of one tenant's own, and the commands that make them its own.
struct TenantTopicsPlan: Sendable {
    let tenant: TenantID
    private let principal: String
    private let requests: [String]
    private let results: String

    /// - Returns: `nil` for a tenant that cannot have topics of its own.
    init?(_ tenant: TenantID, principal: String) {
        let requests = Lane.allCases.compactMap { Topic.requests($0, of: tenant) }
        guard requests.count == Lane.allCases.count, let results = Topic.results(of: tenant) else { return nil }
        self.tenant = tenant
        self.principal = principal
        self.requests = requests
        self.results = results
    }

    /// Makes the topics like those that all tenants share, and then lists the tenant: from then on nothing else is read.
    func carryOut(_ session: Session) async throws {
        let admin = try KafkaAdmin(settings: try session.kafka(), logger: session.logger)
        if try session.submitsThroughPostgres() {
            // The embedded broker knows no admin calls, and makes a topic that is asked for.
            try await admin.touch(requests + [results])
        } else {
            let catalog = try TopicCatalog(contentsOf: session.topicsFile)
            let shared = Lane.allCases.map { Topic.requests($0) } + [Topic.results]
            let entries = zip(shared, requests + [results]).compactMap { name, own in
                catalog.entries.first { $0.name == name }.map { entry in
                    TopicCatalog.Entry(
                        name: own, partitions: entry.partitions, replication: entry.replication,
                        configuration: entry.configuration)
                }
            }
            _ = try await admin.create(TopicCatalog(entries: entries))
        }
        try await PostgresStore(try session.postgres()).giveOwnTopics(to: tenant)
    }

    /// One `kafka-acls` call for each right. `$BOOTSTRAP` and `$ADMIN` are the reader's.
    var commands: [String] {
        func allow(_ principal: String, _ operations: [String], _ resources: String) -> String {
            let rights = operations.map { "--operation \($0)" }.joined(separator: " ")
            return """
                kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add \
                --allow-principal \(Shell.quoted(principal)) \(rights) \(resources)
                """
        }
        let own = requests.map { "--topic \($0)" }.joined(separator: " ")
        return [
            allow(principal, ["Write", "Describe"], own),
            allow(principal, ["Read", "Describe"], "--topic \(results)"),
            allow(principal, ["Read"], "--resource-pattern-type prefixed --group \(group)"),
            allow("User:decomposer", ["Read", "Describe"], own),
            // Replays dead letters.
            allow("User:operator", ["Write", "Describe"], own),
            allow("User:decomposer", ["Write", "Describe"], "--topic \(results)"),
            allow("User:aggregator", ["Write", "Describe"], "--topic \(results)"),
        ]
    }

    /// Consumer groups of the tenant begin with the name that its topics have.
    private var group: String { results.dropFirst("winnow.results.".count).dropLast("v1".count) + "" }
}

/// Text that a POSIX shell takes for one word.
enum Shell {
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
