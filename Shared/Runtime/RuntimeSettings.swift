import Glibc
import Settings
import Telemetry

/// The settings that every service has.
public struct RuntimeSettings: Sendable {
    /// - Default: the executable's name. Key: `OTEL_SERVICE_NAME`.
    public let serviceName: String
    /// - Default: info. Key: `WINNOW_LOG_LEVEL`: debug, info, notice, warning, error.
    public let logLevel: Logger.Level
    /// - Default: 30 s. Key: `WINNOW_SHUTDOWN_TIMEOUT_SECONDS`.
    public let shutdownTimeout: Duration
    public let http: HTTPSettings

    public init(_ reader: inout SettingsReader, name: String) throws(SettingsError) {
        serviceName = reader.string("OTEL_SERVICE_NAME", default: name)
        guard let level = Logger.Level(name: reader.string("WINNOW_LOG_LEVEL", default: "info")) else {
            throw SettingsError("WINNOW_LOG_LEVEL", "must be one of debug, info, notice, warning, error")
        }
        logLevel = level
        shutdownTimeout = .seconds(try reader.integer("WINNOW_SHUTDOWN_TIMEOUT_SECONDS", default: 30, in: 1...3600))
        http = try HTTPSettings(&reader)
    }
}

/// The address where health and metrics are served.
public struct HTTPSettings: Sendable {
    /// - Default: 127.0.0.1, this machine only. Key: `WINNOW_HTTP_HOST`.
    public let host: String
    /// - Default: 0, any free port. Key: `WINNOW_HTTP_PORT`.
    public let port: Int
    /// The file that receives the actual port once the service listens.
    /// - Default: none. Key: `WINNOW_HTTP_PORT_FILE`.
    public let portFile: String?

    public init(_ reader: inout SettingsReader) throws(SettingsError) {
        host = reader.string("WINNOW_HTTP_HOST", default: "127.0.0.1")
        port = try reader.integer("WINNOW_HTTP_PORT", default: 0, in: 0...65535)
        portFile = reader.optional("WINNOW_HTTP_PORT_FILE")
    }
}

extension SettingsReader {
    /// All settings that were read, in a form that may be logged.
    var shown: Logger.Metadata {
        Dictionary(entries.map { ($0.key, $0.shown) }, uniquingKeysWith: { _, last in last })
    }
}

/// The command line of a service. Settings come from the environment, so it has only `--help` and `--version`.
public enum ServiceArguments {
    enum Answer: Equatable {
        case run
        case output(String)
        case refusal(String)
    }

    /// Returns if the service should run. Otherwise it answers and ends the process.
    /// - Parameters:
    ///   - summary: one sentence on what the service does.
    ///   - variables: its most important settings, each with a few words.
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
            // The argument is not repeated, because it may be a misplaced password.
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
            infra/docs/settings.md lists all of them. SIGTERM or SIGINT stops it in order, a second signal at once.

            Exit codes: 0 stopped in order, 1 failed, 2 invalid setting or argument, 128 + n ended by a second signal n.
            """
    }

    private static func complain(_ text: String) {
        _ = Descriptor.write(Array((text + "\n").utf8), to: STDERR_FILENO)
    }
}
