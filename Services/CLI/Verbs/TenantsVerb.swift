import Contracts
import KafkaBus
import PostgresStore
import Store

/// Who asks, how much of it waits, and how much each may have of what is under way.
struct TenantsVerb: Verb {
    static let name = "tenants"
    static let summary = "list tenants with what is open and waiting, set a weight, or give a tenant topics of its own"
    static let flags: Set<String> = ["--json", "--remove"]
    static let help = """
        Usage: winnow tenants list [--json]
               winnow tenants set TENANT [--weight N] [--test yes|no] [--json]
               winnow tenants topics TENANT [--principal PRINCIPAL] [--remove]

        Where there is not room for all, tenants take turns: for each request of a tenant of weight 1, N of a tenant of
        weight N. Weights are whole numbers from 1 to 100, 1 unless set, and hold from the next turn on.

        Requests of a tenant with --test yes are tests: they are charged and budgeted as all are, and are in no savings. So are
        those of winnow-evaluate, on whose behalf 'winnow evaluate' and 'winnow report' ask.

        'list' shows those with the most waiting first.

        'topics' makes winnow.requests.TENANT.v1, winnow.bulk-requests.TENANT.v1 and winnow.results.TENANT.v1, and prints
        the commands that let PRINCIPAL (default User:TENANT) and nobody else use them. Within seconds a request on these
        topics is the tenant's, whatever its ce_authid says, the tenant's name is refused on the shared topics, and its
        results go to its own topic only. '--remove' undoes that and leaves the topics as they are.
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
