import CatalogFile
import Contracts
import Inference
import KafkaBus
import PostgresStore
import Settings
import Signing
import Telemetry

/// The settings that the verbs share, read from the environment when a verb first needs them.
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

    /// Signs the records that the command line sends to the services.
    /// - Throws: `SettingsError`
    func signing() throws -> RecordSigning {
        var reader = SettingsReader(environment: environment)
        return try RecordSigning(&reader, logger: logger, metrics: metrics)
    }

    var modelsDirectory: String { setting("WINNOW_MODELS_DIRECTORY", default: "infra/models") }

    var capabilitiesDirectory: String { setting("WINNOW_CAPABILITIES_DIRECTORY", default: "infra/capabilities") }

    var endpointsDirectory: String { setting("WINNOW_ENDPOINTS_DIRECTORY", default: "infra/endpoints") }

    /// The catalog in the capabilities' files.
    /// - Throws: `CatalogFileError`
    func catalog() throws -> Catalog { try CatalogFile.read(folder: capabilitiesDirectory) }

    /// Loads a model that the catalog names for a capability.
    /// - Throws: `ArtifactError`, also if the catalog names none
    func model(
        _ name: String?, of capability: Capability, _ catalog: Catalog
    ) throws(ArtifactError) -> EncoderClassifier {
        guard let name else {
            throw ArtifactError(.unsupported, capabilitiesDirectory, "\(capability) has no single such model")
        }
        return try EncoderClassifier(directory: "\(modelsDirectory)/\(name)", catalog: catalog)
    }

    var topicsFile: String { setting("WINNOW_TOPICS_FILE", default: "infra/kafka/topics.json") }

    func setting(_ key: String, default fallback: String) -> String {
        var reader = SettingsReader(environment: environment)
        return reader.string(key, default: fallback)
    }
}
