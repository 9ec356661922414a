import Foundation
import Testing

/// Tests `--help` and `--version` of every executable, with the real executables.
struct VersionTests {
    static let services = [
        "decomposer", "escalator", "aggregator", "semantic-understanding-worker", "software-development-worker",
        "legal-services-worker", "security-services-worker", "capability-worker", "dev-broker",
    ]

    @Test func `this suite covers every executable of the package`() throws {
        let manifest = try String(contentsOf: Command.repository.appending(path: "Package.swift"), encoding: .utf8)
        let named = manifest.matches(of: /\.executable\(name: "([a-z-]+)"/).map { String($0.output.1) }
        let list = try #require(manifest.firstMatch(of: /let capabilities = \[([^\]]*)\]/)?.output.1)
        let workers = list.matches(of: /"(\w+)"/).map { match in
            String(match.output.1.replacing(/[A-Z]/) { "-\($0.output.lowercased())" }.dropFirst()) + "-worker"
        }
        #expect(named.count > 3 && workers.count > 3)
        #expect(Set(named + workers) == Set(Self.services + ["winnow"]))
    }

    @Test(arguments: services + ["winnow"])
    func `a version is one line`(name: String) async throws {
        let result = try await Command.shell("\(name) --version")
        #expect(result.status == 0)
        #expect(
            result.output.wholeMatch(of: try Regex("\(name) [0-9]+\\.[0-9]+\\.[0-9]+\n")) != nil, "\(result.output)")
        #expect(result.errors.isEmpty)
    }

    @Test(arguments: services)
    func `a service explains itself and names its settings and exit codes`(name: String) async throws {
        for option in ["--help", "-h"] {
            let result = try await Command.shell("\(name) \(option)")
            #expect(result.status == 0)
            #expect(result.output.hasPrefix("Usage: \(name) [--help | --version]\n"))
            #expect(result.output.contains("Exit codes:"))
            #expect(result.output.contains(name == "dev-broker" ? "DEV_BROKER_PORT" : "KAFKA_BOOTSTRAP_SERVERS"))
            #expect(result.errors.isEmpty)
        }
    }

    /// A port file, an address file or a log line would show that the program started.
    @Test(arguments: services, ["--verbose", "start", "--version now"])
    func `a service refuses any other argument before it touches anything`(name: String, words: String) async throws {
        let folder = try TemporaryFolder()
        let file = folder.path("file")
        let result = try await Command.shell(
            "\(name) \(words)",
            environment: [
                "WINNOW_HTTP_PORT_FILE": file, "DEV_BROKER_ADDRESS_FILE": file,
                "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            ])
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix("\(name): takes no arguments but --help and --version"))
        #expect(result.output.isEmpty && !result.errors.contains("{"))
        #expect(!FileManager.default.fileExists(atPath: file))
    }
}
