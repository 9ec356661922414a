import Contracts
import FoundationEssentials
import KafkaBus
import PostgresStore
import Settings
import Signing
import Telemetry

/// What the verbs share: where things are, read from the environment when a verb first needs it.
struct Session: Sendable {
    let logger = Logger(service: "winnow", level: .warning)
    let metrics = Metrics()
    private let environment: [String: String]

    init() throws {
        do {
            environment = try EnvironmentFile.environment()
        } catch {
            throw SettingsError("WINNOW_ENV_FILE", error.message)
        }
    }

    /// - Throws: `SettingsError`
    func kafka() throws -> KafkaSettings {
        var reader = SettingsReader(environment: environment)
        return try KafkaSettings(from: &reader)
    }

    /// - Throws: `SettingsError`, `StoreError`
    func postgres() throws -> PostgresSettings {
        var reader = SettingsReader(environment: environment)
        return try PostgresSettings(from: &reader)
    }

    /// Signs what this command line tells the services.
    /// - Throws: `SettingsError`
    func signing() throws -> RecordSigning {
        var reader = SettingsReader(environment: environment)
        return try RecordSigning(&reader, logger: logger, metrics: metrics)
    }

    /// Whether requests go to Postgres first: the embedded broker forgets them when it is started again.
    /// - Default: `topic`. Key: `WINNOW_INTAKE`, `topic` or `postgres`.
    /// - Throws: `SettingsError`
    func submitsThroughPostgres() throws -> Bool {
        switch setting("WINNOW_INTAKE", default: "topic") {
        case "topic": false
        case "postgres": true
        default: throw SettingsError("WINNOW_INTAKE", "must be topic or postgres")
        }
    }

    /// - Returns: `nil` where the tenant has no topics of its own.
    func resultsTopic(of tenant: TenantID) async throws -> String? {
        guard let own = Topic.results(of: tenant) else { return nil }
        let topics = try await KafkaAdmin(settings: try kafka(), logger: logger).metadata().topics
        return topics[own] == nil ? nil : own
    }

    var modelsDirectory: String { setting("WINNOW_MODELS_DIRECTORY", default: "infra/models") }

    var topicsFile: String { setting("WINNOW_TOPICS_FILE", default: "infra/kafka/topics.json") }

    private func setting(_ key: String, default fallback: String) -> String {
        var reader = SettingsReader(environment: environment)
        return reader.string(key, default: fallback)
    }
}
