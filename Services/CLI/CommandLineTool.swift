import Glibc
import Settings

/// What `winnow` ends with.
enum ExitStatus: Int32 { case ok = 0, failed = 1, wrongUsage = 2, notCertifiable = 3 }

/// Finds the verb, reads its arguments, runs it.
enum CommandLineTool {
    static let verbs: [any Verb.Type] = [
        SubmitVerb.self, CostsVerb.self, TraceVerb.self, CancelVerb.self, TenantsVerb.self, PricesVerb.self,
        BudgetVerb.self, DeadLettersVerb.self, InstancesVerb.self, DrainVerb.self, ResumeVerb.self, EvaluateVerb.self,
        ReportVerb.self, CertifyVerb.self, CertificatesVerb.self, RankVerb.self, DoctorVerb.self, MigrateVerb.self,
        TopicsVerb.self, ModelsVerb.self,
    ]

    static func run(_ words: [String]) async -> ExitStatus {
        var words = words
        guard let name = words.first, !["help", "--help", "-h"].contains(name) else {
            return help(words.dropFirst().first)
        }
        words.removeFirst()
        guard let verb = verbs.first(where: { $0.name == name }) else {
            Console.complain("winnow: no such verb: \(name); 'winnow help' lists them")
            return .wrongUsage
        }
        guard !words.contains("--help"), !words.contains("-h") else {
            Console.print(verb.help)
            return .ok
        }
        do throws(UsageError) {
            var arguments = Arguments(words, flags: verb.flags)
            let parsed = try verb.init(&arguments)
            try arguments.finish()
            return await run(parsed)
        } catch {
            Console.complain("winnow \(name): \(error.message)\n\(verb.help)")
            return .wrongUsage
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
                Console.complain("winnow: no such verb: \(name)")
                return .wrongUsage
            }
            Console.print(verb.help)
            return .ok
        }
        Console.print("winnow: give every request to the smallest model that can be trusted with it\n")
        let width = verbs.map { $0.name.count }.max() ?? 0
        for verb in verbs {
            Console.print("  \(verb.name.padded(to: width))  \(verb.summary)")
        }
        Console.print(
            "\n'winnow VERB --help' explains one. Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 not certifiable.")
        return .ok
    }
}
