import Contracts
import PostgresStore

/// What happened to one request, in the order of time.
struct TraceVerb: Verb {
    static let name = "trace"
    static let summary = "show what happened to a request, step by step and call by call"
    static let help = """
        Usage: winnow trace REQUEST_ID [--json]

        REQUEST_ID is Winnow's own id ("requestId" in the result), or the id that you gave. No payload is shown.
        """

    private let id: String
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        id = try arguments.operand("REQUEST_ID")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let reader = OperationsReader(try session.postgres())
        let timeline = Table(try await reader.timeline(of: id))
        guard !timeline.rows.isEmpty else {
            Console.complain("winnow trace: no such request: \(id)")
            return .failed
        }
        Console.print(timeline, asJSON: isJSON)
        return .ok
    }
}
