import Contracts
import Models
import Telemetry

/// The endpoints of a catalog.
///
/// All share one thread and its connections. A caller gets a model by its name, with its fallbacks behind it.
public final class EndpointSet: Sendable {
    private let models: [String: any Model]
    private let configurations: [String: EndpointConfiguration]

    /// - Parameter keyFolder: where the files of keys are that are not named by an absolute path.
    /// - Throws: `EndpointConfigurationErrors` with every fault.
    public convenience init(
        _ endpoints: [EndpointDescription], keyFolder: String, metrics: Metrics, logger: Logger
    ) throws(EndpointConfigurationErrors) {
        var configurations: [EndpointConfiguration] = [], errors: [EndpointConfigurationError] = []
        for endpoint in endpoints {
            do throws(EndpointConfigurationErrors) {
                configurations.append(try EndpointConfiguration(endpoint, keyFolder: keyFolder))
            } catch {
                errors += error.errors
            }
        }
        guard errors.isEmpty else { throw EndpointConfigurationErrors(errors: errors) }
        // Without an endpoint there is nothing that a thread could do.
        let transport: any HTTPTransport = endpoints.isEmpty ? NoTransport() : try Self.transport()
        self.init(configurations, EndpointEnvironment(transport: transport, metrics: metrics, logger: logger))
    }

    init(_ configurations: [EndpointConfiguration], _ environment: EndpointEnvironment) {
        let endpoints = configurations.reduce(into: [String: Endpoint]()) { endpoints, configuration in
            endpoints[configuration.name] = Endpoint(configuration, environment)
        }
        models = endpoints.reduce(into: [:]) { models, member in
            let fallbacks = member.value.configuration.fallbacks.compactMap { endpoints[$0] }
            models[TaskModels.endpointPrefix + member.key] =
                fallbacks.isEmpty ? member.value : FallbackModel([member.value] + fallbacks)
        }
        self.configurations = Dictionary(
            configurations.map { (TaskModels.endpointPrefix + $0.name, $0) }
        ) { first, _ in first }
    }

    /// - Throws: `EndpointConfigurationErrors` if libcurl cannot start.
    static func transport() throws(EndpointConfigurationErrors) -> any HTTPTransport {
        do {
            return try CurlDriver()
        } catch {
            let fault = EndpointConfigurationError(file: "endpoints", path: "", message: "libcurl: \(error)")
            throw EndpointConfigurationErrors(errors: [fault])
        }
    }

    /// - Parameter name: written `endpoint:NAME`.
    /// - Returns: `nil` if there is no such endpoint.
    public func model(named name: String) -> (any Model)? { models[name] }

    /// How many inputs one call of the endpoint asks about at most.
    public func itemsPerCall(of name: String) -> Int { configurations[name]?.itemsPerCall ?? 1 }

    /// How many calls of the endpoint can be in flight.
    public func maxInFlight(of name: String) -> Int { configurations[name]?.gate.maxInFlight ?? 1 }
}

extension EndpointConfiguration {
    /// Reads the file of an endpoint from the catalog.
    /// - Throws: `EndpointConfigurationErrors`
    fileprivate init(
        _ endpoint: EndpointDescription, keyFolder: String
    ) throws(EndpointConfigurationErrors) {
        self = try EndpointReader.read(
            Array(endpoint.file.utf8), name: endpoint.name, file: "\(keyFolder)/\(endpoint.name).json")
    }
}

private struct NoTransport: HTTPTransport {
    func send(_ request: HTTPRequest) async throws -> HTTPReply {
        throw TransportError(code: .misconfigured, message: "there is no endpoint", wasSent: false)
    }
}
