import KafkaBus
import PostgresStore

/// Migrates the database to this version's schema.
struct MigrateVerb: Verb {
    static let name = "migrate"
    static let summary = "apply the pending migrations"
    static let help = """
        Usage: winnow migrate [--json]

        Applies the numbered migrations under an advisory lock, each in a transaction of its own, and prepares the
        partitions of the coming days. Refuses to run if an applied migration was changed afterwards. If a newer version
        of Winnow has migrated the database, says so and exits with 0.
        """

    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) { isJSON = arguments.flag("--json") }

    func run(_ session: Session) async throws -> ExitStatus {
        let migrator = Migrator(try session.postgres())
        let applied = try await migrator.migrate()
        let newer = try await migrator.status().filter(\.isNewer)
        // Without this the first day's rows would go to the default partition.
        _ = try await PostgresStore(try session.postgres()).maintainPartitions()
        let table = Table(
            columns: ["applied", "name"], rows: applied.map { [.number("\($0.version)"), .text($0.name)] })
        if applied.isEmpty, !isJSON {
            Console.print("nothing to apply")
        } else {
            Console.print(table, asJSON: isJSON)
        }
        if let notice = Self.notice(of: newer) { Console.complain("winnow migrate: \(notice)") }
        return .ok
    }

    /// What `migrate` and `doctor` say about a database that a newer version has migrated.
    static func notice(of newer: [Migrator.Status]) -> String? {
        guard !newer.isEmpty else { return nil }
        let names = newer.map { "\($0.version) \($0.name)" }.joined(separator: ", ")
        return "the database is newer than this version, which does not know these migrations: \(names)"
    }
}

/// Creates the topics of `infra/kafka/topics.json` on a cluster that does not create topics automatically.
struct TopicsVerb: Verb {
    static let name = "topics"
    static let summary = "create the topics on a Kafka cluster"
    static let help = """
        Usage: winnow topics create [--json]

        Creates the topics of WINNOW_TOPICS_FILE (default infra/kafka/topics.json) that the cluster lacks, and waits
        until every partition has a leader. Existing topics stay unchanged. More partitions than in the file are
        accepted. Fewer are reported, and the command exits with 1.
        """

    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        isJSON = arguments.flag("--json")
        let action = try arguments.operand("create")
        guard action == "create" else { throw UsageError("no such action: \(action)") }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let catalog = try TopicCatalog(contentsOf: session.topicsFile)
        let admin = try KafkaAdmin(settings: try session.kafka(), logger: session.logger)
        var status = ExitStatus.ok
        var table = Table(columns: ["topic", "state", "partitions"], rows: [])
        for (entry, report) in zip(catalog.entries, try await admin.create(catalog)) {
            var (state, partitions) = ("created", entry.partitions)
            switch report.outcome {
            case .created: break
            case .existing: state = "exists"
            case .larger(let count): (state, partitions) = ("exists with more partitions", count)
            case .smaller(let count):
                (state, partitions) = ("exists with too few partitions", count)
                status = .failed
            }
            table.rows.append([.text(report.name), .text(state), .number("\(partitions)")])
        }
        Console.print(table, asJSON: isJSON)
        return status
    }
}
