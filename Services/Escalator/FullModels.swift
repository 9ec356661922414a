import Contracts
import Inference
import ModelEndpoint
import WorkerKit

/// The full models of the catalog's routes: encoders, each of which is loaded once, so that both lanes share its weights,
/// and endpoints. Also the models before them that the escalator asks: middle models, and endpoints that are small models.
struct FullModels: Sendable {
    /// Answers the routing of items too.
    private let main: EncoderClassifier
    private let others: [(routes: [Route], model: EncoderClassifier)]
    private let middles: [(routes: [Route], model: EncoderClassifier)]
    /// The routes whose full model is an endpoint.
    let endpoints: [Route: FullEndpoint]
    let judges: [Route: FullEndpoint]
    /// The routes whose small model is an endpoint.
    let smallEndpoints: [Route: FullEndpoint]

    /// - Throws: `ArtifactError` if a model does not answer a route that names it.
    init(of catalog: Catalog, _ models: ModelSettings, _ endpoints: EndpointSet) throws(ArtifactError) {
        func routes(_ name: (TaskModels) -> String?) -> [String: [Route]] {
            Dictionary(grouping: catalog.routes) { catalog[$0].flatMap { name($0.models) } ?? "" }
                .filter { !$0.key.isEmpty && !TaskModels.isEndpoint($0.key) }
        }
        let full = routes(\.full), middle = routes(\.middle)
        main = try EncoderClassifier(
            directory: models.fullModel, catalog: catalog,
            answering: full[ModelSettings.main, default: []] + middle[ModelSettings.main, default: []]
                + [.decomposition])
        var loaded = [ModelSettings.main: main]
        for name in Set(full.keys).union(middle.keys).subtracting(loaded.keys).sorted() {
            loaded[name] = try EncoderClassifier(
                directory: models.model(named: name), catalog: catalog,
                answering: full[name, default: []] + middle[name, default: []])
        }
        func members(_ routes: [String: [Route]]) -> [(routes: [Route], model: EncoderClassifier)] {
            routes.sorted { $0.key < $1.key }.compactMap { name, routes in loaded[name].map { (routes, $0) } }
        }
        others = members(full.filter { $0.key != ModelSettings.main })
        middles = members(middle)
        self.endpoints = endpoints.fullModels(of: catalog)
        judges = endpoints.judges(of: catalog)
        smallEndpoints = endpoints.smallModels(of: catalog)
    }

    /// The encoders that are full models.
    /// - Throws: `InferenceError`, never retriable.
    func serving(_ lane: Lane) throws(InferenceError) -> any Classifier {
        let main = try main.serving(lane)
        return others.isEmpty ? main : ClassifierSet(main, try Self.serving(others, lane))
    }

    /// The middle models by route.
    /// - Throws: `InferenceError`, never retriable.
    func middles(serving lane: Lane) throws(InferenceError) -> [Route: any Classifier] {
        try Self.serving(middles, lane)
    }

    private static func serving(
        _ members: [(routes: [Route], model: EncoderClassifier)], _ lane: Lane
    ) throws(InferenceError) -> [Route: any Classifier] {
        var models: [Route: any Classifier] = [:]
        for member in members {
            let model = try member.model.serving(lane)
            for route in member.routes { models[route] = model }
        }
        return models
    }
}
