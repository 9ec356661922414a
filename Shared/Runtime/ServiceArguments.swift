import Glibc
import Settings

/// The command line of a service, which takes its settings from the environment and has `--help` and `--version` only.
public enum ServiceArguments {
    enum Answer: Equatable {
        case run
        case output(String)
        case refusal(String)
    }

    /// Returns when the service is to run. Answers everything else, and ends the process.
    /// - Parameters:
    ///   - summary: what the service does, a sentence.
    ///   - variables: names of its most important settings, each with a few words.
    public static func check(_ name: String, summary: String, variables: [(name: String, meaning: String)]) {
        switch answer(Array(CommandLine.arguments.dropFirst()), name, summary, variables) {
        case .run: return
        case .output(let text):
            let reason = Descriptor.write(Array((text + "\n").utf8), to: STDOUT_FILENO)
            guard reason != 0 else { exit(ExitCode.stopped.rawValue) }
            complain("\(name): standard output: \(String(cString: strerror(reason)))")
            exit(ExitCode.failed.rawValue)
        case .refusal(let text):
            complain(text)
            exit(ExitCode.misconfigured.rawValue)
        }
    }

    static func answer(
        _ words: [String], _ name: String, _ summary: String, _ variables: [(name: String, meaning: String)]
    ) -> Answer {
        let isHelp = words.contains { ["--help", "-h"].contains($0) }
        switch words.first {
        case nil: return .run
        case _ where isHelp: return .output(help(name, summary, variables))
        case "--version" where words.count == 1: return .output("\(name) \(Build.version)")
        case .some:
            // The word itself is not repeated: it may be a password in the wrong place.
            return .refusal(
                "\(name): takes no arguments but --help and --version; settings are environment variables")
        }
    }

    private static func help(
        _ name: String, _ summary: String, _ variables: [(name: String, meaning: String)]
    ) -> String {
        let width = variables.map(\.name.count).max() ?? 0
        let lines = variables.map {
            "  \($0.name)\(String(repeating: " ", count: width - $0.name.count))  \($0.meaning)"
        }
        return """
            Usage: \(name) [--help | --version]

            \(summary)

            Settings are environment variables, among them:
            \(lines.joined(separator: "\n"))
            README.md lists all of them under "For operators". SIGTERM or SIGINT stops it in order; a second one at once.

            Exit codes: 0 stopped in order, 1 failed, 2 a setting or an argument is wrong, 128 + n ended by a second signal n.
            """
    }

    private static func complain(_ text: String) {
        _ = Descriptor.write(Array((text + "\n").utf8), to: STDERR_FILENO)
    }
}
