import PostgresStore

/// Brings the database to this version's schema.
struct MigrateVerb: Verb {
    static let name = "migrate"
    static let summary = "apply the migrations that the database lacks"
    static let help = """
        Usage: winnow migrate [--json]

        Applies the numbered migrations under an advisory lock, each in a transaction of its own, and prepares the
        partitions of the coming days. Refuses when an applied migration was changed afterwards.
        """

    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) { isJSON = arguments.flag("--json") }

    func run(_ session: Session) async throws -> ExitStatus {
        let applied = try await Migrator(try session.postgres()).migrate()
        // Otherwise the first day's rows would go to the default partition.
        _ = try await PostgresStore(try session.postgres()).maintainPartitions()
        let table = Table(
            columns: ["applied", "name"], rows: applied.map { [.number("\($0.version)"), .text($0.name)] })
        if applied.isEmpty, !isJSON {
            Console.print("nothing to apply")
        } else {
            Console.print(table, asJSON: isJSON)
        }
        return .ok
    }
}
