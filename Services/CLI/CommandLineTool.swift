import Glibc
import Runtime
import Settings

/// The exit statuses of `winnow`.
enum ExitStatus: Int32, CaseIterable {
    case ok = 0
    case failed = 1
    case wrongUsage = 2
    case notCertifiable = 3
    case notCompleted = 4

    var meaning: String {
        switch self {
        case .ok: "everything was done, and all output was written"
        case .failed: "a setting, file, server, result or space for the output is missing, faulty or unavailable"
        case .wrongUsage: "the command line is invalid"
        case .notCertifiable: "certify: no threshold of a task keeps the promise"
        case .notCompleted: "submit, evaluate, report: a request or a row was rejected, failed, expired or cancelled"
        }
    }
}

/// Finds the verb, parses its arguments and runs it.
enum CommandLineTool {
    static let verbs: [any Verb.Type] = [
        SubmitVerb.self, ExplainVerb.self, CostsVerb.self, TraceVerb.self, CancelVerb.self, TenantsVerb.self,
        PricesVerb.self, BudgetVerb.self, EraseVerb.self, DeadLettersVerb.self, InstancesVerb.self, DrainVerb.self,
        ResumeVerb.self, EvaluateVerb.self, ReportVerb.self, CertifyVerb.self, CertificatesVerb.self, RankVerb.self,
        DoctorVerb.self, MigrateVerb.self,
        TopicsVerb.self, ModelsVerb.self, CatalogVerb.self,
    ]

    /// The flag that every verb takes in addition to its own.
    private static let wide = "--wide"

    static func run(_ words: [String]) async -> ExitStatus {
        var words = words
        guard let name = words.first, !["help", "--help", "-h"].contains(name) else {
            return help(words.dropFirst().first)
        }
        words.removeFirst()
        guard name != "--version" else {
            guard words.isEmpty else { return complain("winnow: --version takes no other argument") }
            Console.print("winnow \(Build.version)")
            return .ok
        }
        guard let verb = verbs.first(where: { $0.name == name }) else {
            return complain("winnow: no such verb: \(name); 'winnow help' lists them")
        }
        guard !words.contains("--help"), !words.contains("-h") else { return explain(verb) }
        do throws(UsageError) {
            var arguments = Arguments(words, flags: verb.flags.union([wide]))
            let isWide = arguments.flag(wide)
            let parsed = try verb.init(&arguments)
            try arguments.finish()
            return await Console.$width.withValue(isWide ? nil : Console.terminalWidth(of: STDOUT_FILENO)) {
                await run(parsed)
            }
        } catch {
            return complain("winnow \(name): \(error.message)\n'winnow \(name) --help' shows its usage.")
        }
    }

    private static func run(_ verb: some Verb) async -> ExitStatus {
        do {
            return try await verb.run(Session())
        } catch {
            Console.complain("winnow \(type(of: verb).name): \(error)")
            return .failed
        }
    }

    private static func help(_ name: String?) -> ExitStatus {
        if let name {
            guard let verb = verbs.first(where: { $0.name == name }) else {
                return complain("winnow: no such verb: \(name)")
            }
            return explain(verb)
        }
        let width = verbs.map { $0.name.count }.max() ?? 0
        Console.print(
            """
            winnow: answers every request with the smallest model that can be trusted with it

            \(verbs.map { "  \($0.name.padded(to: width))  \($0.summary)" }.joined(separator: "\n"))

            'winnow VERB --help' explains a verb, and 'winnow --version' prints the version. Tables fit the terminal.
            With \(wide), and in a pipe or a file, they take as many columns as they need.

            Exit codes of every verb:
            \(ExitStatus.allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n"))
              128 + n if signal n ended the process: 130 after Ctrl-C
            """)
        return .ok
    }

    private static func explain(_ verb: any Verb.Type) -> ExitStatus {
        Console.print(
            verb.help + "\n\nTables fit the terminal unless \(wide) is given. 'winnow help' lists the exit codes.")
        return .ok
    }

    private static func complain(_ what: String) -> ExitStatus {
        Console.complain(what)
        return .wrongUsage
    }
}

/// A command of `winnow`.
protocol Verb: Sendable {
    static var name: String { get }
    static var summary: String { get }
    /// The synopsis and the options.
    static var help: String { get }
    /// Options without a value.
    static var flags: Set<String> { get }

    init(_ arguments: inout Arguments) throws(UsageError)

    func run(_ session: Session) async throws -> ExitStatus
}

extension Verb {
    static var flags: Set<String> { ["--json"] }
}
