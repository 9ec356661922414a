import CatalogFile
import Contracts
import Evaluation
import Inference
import KafkaBus
import ModelEndpoint
import Models
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

    /// The catalog in the files of capabilities and endpoints.
    /// - Throws: `CatalogFileError`, `EndpointConfigurationErrors`
    func catalog() throws -> Catalog {
        let catalog = try CatalogFile.read(folder: capabilitiesDirectory)
        return catalog.with(endpoints: try EndpointFolder(endpointsDirectory).endpoints(named: catalog.endpointNames))
    }

    /// A model of a route: a folder of models, or an endpoint.
    /// - Parameter tier: which of the task's models.
    /// - Throws: `ArtifactError`, also if the task has no such model; `EndpointConfigurationErrors`
    func model(
        _ tier: (TaskModels) -> String?, of route: Route, _ catalog: Catalog
    ) throws -> any CertifiableModel {
        guard let task = catalog[route], let name = tier(task.models) else {
            throw ArtifactError(.unsupported, capabilitiesDirectory, "\(route) has no such model")
        }
        guard TaskModels.isEndpoint(name) else {
            return try EncoderClassifier(directory: "\(modelsDirectory)/\(name)", catalog: catalog)
        }
        guard let question = Question(task, as: route), let identity = catalog.endpoint(name, on: route) else {
            throw ArtifactError(.unsupported, endpointsDirectory, "\(name) is no endpoint")
        }
        return try endpoint(name, asking: question, as: route, identity, catalog)
    }

    /// The model that says whether answers agree.
    /// - Returns: `nil` for a task without one.
    /// - Throws: `ArtifactError`, `EndpointConfigurationErrors`
    func judge(of route: Route, _ catalog: Catalog) throws -> EndpointClassifier? {
        guard let task = catalog[route], let name = task.models.judge, let identity = catalog.judge(of: route),
            let question = Question(judging: task, of: route)
        else { return nil }
        return try endpoint(name, asking: question, as: route, identity, catalog)
    }

    private func endpoint(
        _ name: String, asking question: Question, as route: Route, _ identity: ModelIdentity, _ catalog: Catalog
    ) throws -> EndpointClassifier {
        let endpoints = try EndpointSet(
            catalog.endpoints, keyFolder: endpointsDirectory, metrics: metrics, logger: logger)
        guard let model = endpoints.model(named: name) else {
            throw ArtifactError(.unsupported, endpointsDirectory, "\(name) is no endpoint")
        }
        return EndpointClassifier(model, asking: question, as: route, identity: identity)
    }

    var topicsFile: String { setting("WINNOW_TOPICS_FILE", default: "infra/kafka/topics.json") }

    func setting(_ key: String, default fallback: String) -> String {
        var reader = SettingsReader(environment: environment)
        return reader.string(key, default: fallback)
    }
}
