import Foundation
import Synchronization

/// The whole suite with all its processes, started once for all tests of this target.
actor Suite {
    static let names = [
        "decomposer", "aggregator", "escalator", "semantic-understanding-worker", "software-development-worker",
        "legal-services-worker", "security-services-worker",
    ]

    private static let started = Task { try await start() }

    static func shared() async throws -> Suite { try await started.value }

    nonisolated let environment: [String: String]
    private nonisolated let directory: URL
    /// Links to the models of this repository. A test may add others.
    nonisolated var modelsDirectory: URL { directory.appending(path: "models") }
    /// The files of endpoints; empty at first.
    nonisolated var endpointsDirectory: URL { directory.appending(path: "endpoints") }
    private var services: [ServiceProcess] = []

    private init(environment: [String: String], directory: URL) {
        self.environment = environment
        self.directory = directory
    }

    func services(_ name: String) -> [ServiceProcess] { services.filter { $0.name == name } }

    /// - Parameters:
    ///   - instance: the id in the list of instances; a new one by default.
    ///   - settings: variables in addition to the suite's environment.
    func launch(
        _ name: String, as instance: String? = nil, with settings: [String: String] = [:]
    ) async throws -> ServiceProcess {
        var environment = environment.merging(settings) { $1 }
        environment["WINNOW_INSTANCE_ID"] = instance
        let service = try ServiceProcess(name, environment: environment, directory: directory)
        services.append(service)
        return service
    }

    func forget(_ service: ServiceProcess) { services.removeAll { $0 === service } }

    nonisolated func winnow(_ arguments: [String], input: [UInt8] = []) async throws -> Command.Result {
        try await Command.run(
            Repository.binaries.appending(path: "winnow"), arguments, input: input, environment: environment)
    }

    /// Runs a script with the executables on its path. `$0` and `$LINES_` have the given values.
    nonisolated func shell(_ script: String, _ word: String) async throws -> Command.Result {
        let variables = ["LINES_": word, "SHELL": "/bin/bash", "PATH": "\(Repository.binaries.path):/usr/bin:/bin"]
        return try await Command.run(
            URL(filePath: "/bin/bash"), ["-c", script, word], environment: environment.merging(variables) { $1 })
    }

    /// Sends requests and waits for their results.
    nonisolated func submit(
        _ lines: [String], tenant: String = "default", options: [String] = []
    ) async throws -> Command.Result {
        try await winnow(
            ["submit", "--wait", "--json", "--timeout", "60", "--tenant", tenant] + options,
            input: Array(lines.joined(separator: "\n").utf8))
    }

    /// Returns the value of a query with one row and one column.
    nonisolated func query(_ sql: String) async throws -> String {
        let result = try await Command.run(
            URL(filePath: "/usr/bin/psql"), ["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql],
            environment: environment)
        guard result.status == 0 else { throw SuiteFault(result.errors) }
        return result.output.trimmed
    }

    /// The log of every process so far, by file.
    nonisolated func logs() throws -> [String: String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".log") }
        return try names.reduce(into: [:]) { logs, name in
            logs[name] = String(decoding: try Data(contentsOf: directory.appending(path: name)), as: UTF8.self)
        }
    }

    private static func start() async throws -> Suite {
        atexit { ServiceProcess.stopAll() }
        // The test script removes its folder. The path is short because a socket's path is limited.
        let folder = ProcessInfo.processInfo.environment["WINNOW_TEST_RUN"] ?? "/tmp"
        let directory = URL(filePath: "\(folder)/e2e-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var environment = ProcessInfo.processInfo.environment
        for key in environment.keys where key.hasPrefix("PG") || key == "DATABASE_URL" { environment[key] = nil }
        environment["WINNOW_SWEEP_INTERVAL_MS"] = "200"
        environment["WINNOW_HEARTBEAT_SECONDS"] = "1"
        let models = directory.appending(path: "models"), shipped = Repository.root.appending(path: "infra/models")
        try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: shipped.path) {
            try FileManager.default.createSymbolicLink(
                at: models.appending(path: name), withDestinationURL: shipped.appending(path: name))
        }
        environment["WINNOW_MODELS_DIRECTORY"] = models.path
        let endpoints = directory.appending(path: "endpoints")
        try FileManager.default.createDirectory(at: endpoints, withIntermediateDirectories: true)
        environment["WINNOW_ENDPOINTS_DIRECTORY"] = endpoints.path
        let key = directory.appending(path: "signing-key")
        try (UUID().uuidString + UUID().uuidString).write(to: key, atomically: true, encoding: .utf8)
        environment["WINNOW_SIGNING_KEY_FILE"] = key.path
        let cluster = try await Command.run(
            Repository.root.appending(path: "infra/postgres/cluster.sh"),
            ["start", directory.appending(path: "postgres").path, "--parent", "\(getpid())", "--remove"])
        guard cluster.status == 0 else { throw SuiteFault("no Postgres: \(cluster.errors)") }
        for line in cluster.output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            environment[parts[0]] = parts.count > 1 ? parts[1] : ""
        }
        if environment["KAFKA_BOOTSTRAP_SERVERS"] == nil {
            environment["KAFKA_BOOTSTRAP_SERVERS"] = try await startBroker(environment, directory)
        }
        let suite = Suite(environment: environment, directory: directory)
        for arguments in [
            ["migrate"], ["topics", "create"], ["models", "register"],
            ["catalog", "apply", Repository.root.appending(path: "infra/capabilities").path],
        ] {
            // The embedded broker has created the topics itself, and has no admin API.
            if arguments[0] == "topics", ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"] == nil {
                continue
            }
            let result = try await suite.winnow(arguments)
            guard result.status == 0 else { throw SuiteFault("winnow \(arguments): \(result.errors)") }
        }
        for name in names { _ = try await suite.launch(name) }
        for service in await suite.services { try await service.ready() }
        return suite
    }

    private static func startBroker(_ environment: [String: String], _ directory: URL) async throws -> String {
        let address = directory.appending(path: "broker")
        _ = try ServiceProcess(
            "dev-broker", environment: environment.merging(["DEV_BROKER_ADDRESS_FILE": address.path]) { $1 },
            directory: directory)
        var text = ""
        try await Eventually.holds("the broker has published its address", within: .seconds(20)) {
            text = ((try? String(contentsOf: address, encoding: .utf8)) ?? "").trimmed
            return !text.isEmpty
        }
        return text
    }
}
