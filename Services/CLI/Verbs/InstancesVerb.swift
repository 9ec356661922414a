import PostgresStore

/// Which processes of the suite there are, and whether they live.
struct InstancesVerb: Verb {
    static let name = "instances"
    static let summary = "list the processes of the suite, and which of them are lost"
    static let flags: Set<String> = ["--json", "--all"]
    static let help = """
        Usage: winnow instances [--all] [--json]

        State is running, draining (see 'winnow drain') or lost: not heard of for three beats. 'partitions' is how many
        it works on, 'beat_age_seconds' how long ago it was heard of. Who was silent for a day is not listed any more.

          --all  those that have stopped, too
        """

    private let withStopped: Bool
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        withStopped = arguments.flag("--all")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let instances = Table(try await OperationsReader(session.postgres()).instances(stopped: withStopped))
        Console.print(instances, asJSON: isJSON)
        return .ok
    }
}
