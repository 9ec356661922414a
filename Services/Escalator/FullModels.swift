import Contracts
import Inference
import WorkerKit

/// The encoders that are the full models of the catalog's routes. Each is loaded once, and both lanes share its weights.
struct FullModels {
    /// Answers the routing of items too.
    private let main: EncoderClassifier
    private let others: [(routes: [Route], model: EncoderClassifier)]

    /// - Throws: `ArtifactError` if a model does not answer a route that names it.
    init(of catalog: Catalog, _ models: ModelSettings) throws(ArtifactError) {
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
    }

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
