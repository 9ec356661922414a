/// One thing that `winnow` does.
protocol Verb: Sendable {
    static var name: String { get }
    static var summary: String { get }
    /// Synopsis and options.
    static var help: String { get }
    /// Options without a value.
    static var flags: Set<String> { get }

    init(_ arguments: inout Arguments) throws(UsageError)

    func run(_ session: Session) async throws -> ExitStatus
}

extension Verb {
    static var flags: Set<String> { ["--json"] }
}
