import Contracts
import KafkaBus
import PostgresStore
import Store

/// Lists tenants with their open and waiting requests, and sets their weights and topics.
struct TenantsVerb: Verb {
    static let name = "tenants"
    static let summary = "list tenants and their open requests, set a weight, or give a tenant topics of its own"
    static let flags: Set<String> = ["--json", "--remove"]
    static let help = """
        Usage: winnow tenants list [--json]
               winnow tenants set TENANT [--weight N] [--test yes|no] [--json]
               winnow tenants topics TENANT [--principal PRINCIPAL] [--remove]

        If there is not room for all requests, tenants take turns: for each request of a tenant of weight 1, a tenant of
        weight N gets N. Weights are whole numbers from 1 to 100 (default 1), and apply from the next turn on.

        Requests of a tenant with --test yes are tests. They are charged and budgeted like all others, and left out of
        the savings. The requests of winnow-evaluate, the tenant of 'winnow evaluate' and 'winnow report', are tests.

        'list' shows the tenants with the most waiting requests first.

        'topics' creates winnow.requests.TENANT.v1, winnow.bulk-requests.TENANT.v1 and winnow.results.TENANT.v1, and
        prints the commands that let only PRINCIPAL (default User:TENANT) use them. Within seconds all requests on these
        topics belong to the tenant, whatever their ce_authid says, the shared topics refuse the tenant's name, and its
        results go only to its own topic. '--remove' undoes that and keeps the topics.
        """

    private enum Action {
        case list
        case set(TenantID, weight: Int?, isTest: Bool?)
        case topics(TenantTopicsPlan)
        case remove(TenantID)
    }

    private enum Answer: String, CaseIterable { case yes, no }

    private let action: Action
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let word = try arguments.operand("list, set or topics")
        isJSON = arguments.flag("--json")
        switch word {
        case "list": action = .list
        case "set":
            let tenant = try arguments.tenant()
            let weight = try arguments.integer("--weight", default: 0, in: FairShare.weights)
            let test: Answer? = try arguments.choice("--test")
            guard weight > 0 || test != nil else { throw UsageError("--weight or --test is missing") }
            action = .set(tenant, weight: weight > 0 ? weight : nil, isTest: test.map { $0 == .yes })
        case "topics":
            let tenant = try arguments.tenant()
            let principal = arguments.value("--principal") ?? "User:\(tenant)"
            guard let plan = TenantTopicsPlan(tenant, principal: principal) else {
                throw UsageError("TENANT must have at most 100 bytes and cannot be \(TenantID.default)")
            }
            guard principal == principal.visible else {
                throw UsageError("--principal is needed: the tenant's name cannot be printed as it is")
            }
            action = arguments.flag("--remove") ? .remove(tenant) : .topics(plan)
        default: throw UsageError("no such action: \(word)")
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let settings = try session.postgres()
        let table: Table
        switch action {
        case .list: table = Table(try await OperationsReader(settings).tenants())
        case .set(let tenant, let weight, let isTest):
            let store = PostgresStore(settings)
            if let weight { try await store.setWeight(weight, of: tenant) }
            if let isTest { try await store.setTest(isTest, of: tenant) }
            table = Table(
                columns: ["tenant"] + (weight == nil ? [] : ["weight"]) + (isTest == nil ? [] : ["test"]),
                rows: [
                    [.text(tenant.rawValue)] + (weight.map { [.number("\($0)")] } ?? [])
                        + (isTest.map { [.text($0 ? "yes" : "no")] } ?? [])
                ])
        case .topics(let plan):
            try await plan.carryOut(session)
            Console.print(plan.commands.joined(separator: "\n"))
            return .ok
        case .remove(let tenant):
            guard try await PostgresStore(settings).takeOwnTopics(from: tenant) else {
                Console.complain("winnow tenants: \(tenant.rawValue.visible) has no topics of its own")
                return .failed
            }
            return .ok
        }
        Console.print(table, asJSON: isJSON)
        return .ok
    }
}

/// The topics of one tenant's own, and the commands that set their access rights.
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

    /// Creates the topics with the settings of the shared ones, and then lists the tenant. The services then read its
    /// requests only from these topics.
    func carryOut(_ session: Session) async throws {
        let admin = try KafkaAdmin(settings: try session.kafka(), logger: session.logger)
        if try session.submitsThroughPostgres() {
            // The embedded broker has no admin calls, and creates a topic when a client asks for it.
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

    /// One `kafka-acls` call for each right. The reader sets `$BOOTSTRAP` and `$ADMIN`.
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
            // The operator replays dead letters.
            allow("User:operator", ["Write", "Describe"], own),
            allow("User:decomposer", ["Write", "Describe"], "--topic \(results)"),
            allow("User:aggregator", ["Write", "Describe"], "--topic \(results)"),
        ]
    }

    /// The tenant's consumer groups begin with the name in its topics.
    private var group: String { results.dropFirst("winnow.results.".count).dropLast("v1".count) + "" }
}

/// Quotes text as one word of a POSIX shell.
enum Shell {
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
