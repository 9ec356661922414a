/// Every capability: what it is called, what it takes and answers, and which models serve it.
///
/// A catalog is data. It is written as one JSON file for each capability (`infra/capabilities`).
public struct Catalog: Sendable, Equatable {
    /// Ordered by name.
    public let capabilities: [CapabilityDescription]
    /// The tasks by route.
    public let taskDescriptions: [Route: TaskDescription]
    /// The routes that a request may name, ordered by capability; a capability's tasks in the order of its file.
    public let routes: [Route]
    /// The endpoints that tasks name, and their fallbacks. Ordered by name.
    public let endpoints: [EndpointDescription]
    public let decomposition: DecompositionDescription

    /// - Parameters:
    ///   - capabilities: each name is unique, and so is the name of each task of a capability.
    ///   - endpoints: each name is unique.
    public init(
        _ capabilities: [CapabilityDescription] = [], endpoints: [EndpointDescription] = [],
        decomposition: DecompositionDescription = DecompositionDescription()
    ) {
        self.decomposition = decomposition
        self.capabilities = capabilities.sorted { $0.name.rawValue < $1.name.rawValue }
        self.endpoints = endpoints.sorted { $0.name < $1.name }
        let tasks = self.capabilities.flatMap { capability in
            capability.tasks.map { (Route(capability.name, $0.name), $0) }
        }
        routes = tasks.map(\.0)
        taskDescriptions = Dictionary(tasks) { first, _ in first }
    }

    /// Returns the catalog with these endpoints in place of its own.
    public func with(endpoints: [EndpointDescription]) -> Catalog {
        Catalog(capabilities, endpoints: endpoints, decomposition: decomposition)
    }

    public subscript(_ capability: Capability) -> CapabilityDescription? {
        capabilities.first { $0.name == capability }
    }

    public subscript(_ route: Route) -> TaskDescription? { taskDescriptions[route] }

    public func routes(of capability: Capability) -> [Route] { routes.filter { $0.capability == capability } }

    /// The routes that a routing answer names, such as `legal-services/clause-type,security-services/payload`. `none`
    /// and what the catalog does not have are ignored.
    public func routes(in label: String) -> [Route] { Route.list(in: label).filter { taskDescriptions[$0] != nil } }

    /// - Parameter model: written `endpoint:NAME`.
    public func endpoint(of model: String) -> EndpointDescription? {
        endpoints.first { TaskModels.endpointPrefix + $0.name == model }
    }

    /// Whether a worker answers the route first. Otherwise every item goes directly to the escalator: the routing of
    /// items, a task that has no small model yet, and one whose small model is an endpoint, which a worker cannot ask
    /// because its calls are paid for.
    public func hasWorker(_ route: Route) -> Bool {
        // A route that is no longer in the catalog had a worker, or its steps are answered by nobody.
        !route.expandsPlan && taskDescriptions[route].map { $0.models.workerModel != nil } ?? true
    }

    /// The small model of the capability's worker.
    /// - Returns: `nil` if no task needs a worker, or if the tasks name different models: one worker serves one model.
    public func smallModel(of capability: Capability) -> String? { only(of: capability, \.workerModel) }

    /// The capabilities that have a worker, and so topics of steps.
    public var capabilitiesWithWorkers: [Capability] {
        capabilities.map(\.name).filter { smallModel(of: $0) != nil }
    }

    /// The full model of all tasks of the capability.
    /// - Returns: `nil` if the tasks name different ones.
    public func fullModel(of capability: Capability) -> String? { only(of: capability, \.full) }

    private func only(of capability: Capability, _ tier: (TaskModels) -> String?) -> String? {
        let names = Set((self[capability]?.tasks ?? []).compactMap { tier($0.models) })
        return names.count == 1 ? names.first : nil
    }

    /// The models that tasks and the decomposition name, each once.
    private var modelNames: Set<String> {
        Set(
            taskDescriptions.values.flatMap {
                [$0.models.full, $0.models.middle, $0.models.small, $0.models.judge].compactMap(\.self)
            } + (decomposition.isEndpoint ? [decomposition.full] : []))
    }

    /// The names of the endpoints that tasks and the decomposition name, without `endpoint:`.
    public var endpointNames: Set<String> {
        Set(modelNames.filter(TaskModels.isEndpoint).map { String($0.dropFirst(TaskModels.endpointPrefix.count)) })
    }

    /// The folders of models that the catalog needs, the router's among them.
    public var artifactNames: [String] { ["router"] + modelNames.filter { !TaskModels.isEndpoint($0) }.sorted() }

    /// The beginning of the list of routes, for an error message, whose size has a bound.
    public var knownRoutes: String {
        let shown = routes.prefix(20).map(\.description).joined(separator: ", ")
        return routes.count > 20 ? "\(shown), and \(routes.count - 20) more" : shown
    }

    /// How the windows of a text that exceeds a model's input are combined into one answer on this route.
    public func windowRule(of route: Route) -> WindowRule {
        guard route == .decomposition else { return taskDescriptions[route]?.windowRule ?? .mean }
        return .beginningAnd(
            findings: routes.filter { taskDescriptions[$0]?.isRoutedByAnyWindow == true }.map(\.description))
    }
}
