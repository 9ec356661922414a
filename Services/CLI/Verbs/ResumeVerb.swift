import Contracts

/// Has a drained process take part again.
struct ResumeVerb: Verb {
    static let name = "resume"
    static let summary = "have a drained process take part again"
    static let help = """
        Usage: winnow resume ID [--timeout SECONDS] [--json]

        ID is an instance's, as 'winnow instances' lists them. It joins its group again, which gives it partitions within
        one rebalance, and is ready again.

          --timeout SECONDS  how long to wait until it says that it runs; 15 by default

        Ends with 1 when there is no such instance, when it does not live, or when it does not say so in time.
        """

    private let order: StandingOrder

    init(_ arguments: inout Arguments) throws(UsageError) {
        order = try StandingOrder(.resume, &arguments)
    }

    func run(_ session: Session) async throws -> ExitStatus { try await order.run(session) }
}
