import PostgresStore

/// Brings the database to this version's schema.
struct MigrateVerb: Verb {
    static let name = "migrate"
    static let summary = "apply the migrations that the database lacks"
    static let flags: Set<String> = []
    static let help = """
        Usage: winnow migrate

        Applies the numbered migrations under an advisory lock, each in a transaction of its own, and prepares the
        partitions of the coming days. Refuses when an applied migration was changed afterwards.
        """

    init(_ arguments: inout Arguments) throws(UsageError) {}

    func run(_ session: Session) async throws -> ExitStatus {
        let applied = try await Migrator(try session.postgres()).migrate()
        for migration in applied { Console.print("applied \(migration.version) \(migration.name)") }
        // Otherwise the first day's rows would go to the default partition.
        _ = try await PostgresStore(try session.postgres()).maintainPartitions()
        if applied.isEmpty { Console.print("nothing to apply") }
        return .ok
    }
}
