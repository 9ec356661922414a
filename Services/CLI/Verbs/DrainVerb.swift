import Contracts

/// Has one process leave its work to the others.
struct DrainVerb: Verb {
    static let name = "drain"
    static let summary = "have a process leave its work to the others of its service"
    static let help = """
        Usage: winnow drain ID [--timeout SECONDS] [--json]

        ID is an instance's, as 'winnow instances' lists them. It finishes and commits what it has in hand, gives its
        partitions to the others, is not ready any more, and lives on until it is stopped or resumed. Started anew it
        takes part again.

          --timeout SECONDS  how long to wait until it has no partition left; 15 by default

        Ends with 1 when there is no such instance, when it does not live, or when it is not done in time.
        """

    private let order: StandingOrder

    init(_ arguments: inout Arguments) throws(UsageError) {
        order = try StandingOrder(.drain, &arguments)
    }

    func run(_ session: Session) async throws -> ExitStatus { try await order.run(session) }
}
