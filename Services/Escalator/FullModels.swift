import Contracts
import Inference
import ModelEndpoint
import WorkerKit

/// The full models of the catalog's routes: encoders, each of which is loaded once, so that both lanes share its weights,
/// and endpoints.
struct FullModels: Sendable {
    /// Answers the routing of items too.
    private let main: EncoderClassifier
    private let others: [(routes: [Route], model: EncoderClassifier)]
    /// The routes whose full model is an endpoint.
    let endpoints: [Route: FullEndpoint]

    /// - Throws: `ArtifactError` if a model does not answer a route that names it.
    init(of catalog: Catalog, _ models: ModelSettings, _ endpoints: EndpointSet) throws(ArtifactError) {
        let routes = Dictionary(grouping: catalog.routes) { catalog[$0]?.models.full ?? ModelSettings.main }
        main = try EncoderClassifier(
            directory: models.fullModel, catalog: catalog,
            answering: routes[ModelSettings.main, default: []] + [.decomposition])
        others = try routes.filter { $0.key != ModelSettings.main && !TaskModels.isEndpoint($0.key) }
            .sorted { $0.key < $1.key }
            .map { name, routes throws(ArtifactError) in
                let folder = models.model(named: name)
                return (routes, try EncoderClassifier(directory: folder, catalog: catalog, answering: routes))
            }
        self.endpoints = endpoints.fullModels(of: catalog)
    }

    /// The encoders.
    /// - Throws: `InferenceError`, never retriable.
    func serving(_ lane: Lane) throws(InferenceError) -> any Classifier {
        let main = try main.serving(lane)
        guard !others.isEmpty else { return main }
        var members: [Route: any Classifier] = [:]
        for other in others {
            let model = try other.model.serving(lane)
            for route in other.routes { members[route] = model }
        }
        return ClassifierSet(main, members)
    }
}
