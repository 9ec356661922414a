import Synchronization

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

    /// - Parameter capabilities: each name is unique, and so is the name of each task of a capability.
    public init(_ capabilities: [CapabilityDescription] = []) {
        self.capabilities = capabilities.sorted { $0.name.rawValue < $1.name.rawValue }
        let tasks = self.capabilities.flatMap { capability in
            capability.tasks.map { (Route(capability.name, $0.name), $0) }
        }
        routes = tasks.map(\.0)
        taskDescriptions = Dictionary(tasks) { first, _ in first }
    }

    public subscript(_ capability: Capability) -> CapabilityDescription? {
        capabilities.first { $0.name == capability }
    }

    public subscript(_ route: Route) -> TaskDescription? { taskDescriptions[route] }

    public func routes(of capability: Capability) -> [Route] { routes.filter { $0.capability == capability } }

    /// The routes that a routing answer names, such as `legal-services/clause-type,security-services/payload`. `none`
    /// and what the catalog does not have are ignored.
    public func routes(in label: String) -> [Route] { Route.list(in: label).filter { taskDescriptions[$0] != nil } }

    /// The small model that serves all tasks of the capability.
    /// - Returns: `nil` if a task has none, or if they name different ones: one worker serves one model.
    public func smallModel(of capability: Capability) -> String? {
        only(of: capability, \.small)
    }

    /// The full model of all tasks of the capability.
    /// - Returns: `nil` if the tasks name different ones.
    public func fullModel(of capability: Capability) -> String? { only(of: capability, \.full) }

    private func only(of capability: Capability, _ tier: (TaskModels) -> String?) -> String? {
        guard let tasks = self[capability]?.tasks, let name = tasks.first.flatMap({ tier($0.models) }) else {
            return nil
        }
        return tasks.allSatisfy { tier($0.models) == name } ? name : nil
    }

    /// The folders of models that the catalog needs, the router's among them.
    public var artifactNames: [String] {
        let named = taskDescriptions.values.flatMap {
            [$0.models.full, $0.models.middle, $0.models.small].compactMap(\.self)
        }
        return ["router"] + Set(named.filter { !TaskModels.isEndpoint($0) }).sorted()
    }

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

/// A named domain, and what it can be asked.
public struct CapabilityDescription: Sendable, Equatable {
    public var name: Capability
    public var title: String
    /// What the domain is, for people and for a model that routes.
    public var description: String
    public var tasks: [TaskDescription]

    public init(name: Capability, title: String, description: String, tasks: [TaskDescription]) {
        self.name = name
        self.title = title
        self.description = description
        self.tasks = tasks
    }
}

/// One thing that a capability does.
public struct TaskDescription: Sendable, Equatable {
    /// What one item is.
    public enum Unit: String, Sendable, CaseIterable {
        case utterance, sentence, clause, document, line, value, audio
    }

    public enum Output: Sendable, Equatable {
        /// One of these labels.
        case label([LabelDescription])
        case text
        /// A JSON value that is valid against the schema, which is kept as JSON text.
        case json(schema: String)
        case transcript
    }

    /// How an answer of the small model is compared with the full model's.
    public enum Comparator: String, Sendable, CaseIterable {
        case exact, tieShare, normalizedText, json, wordErrorRate, judge
    }

    public var name: String
    public var title: String
    public var description: String
    public var unit: Unit
    public var output: Output
    public var comparator: Comparator
    public var models: TaskModels
    public var windowRule: WindowRule
    /// Whether any window of a long text can route it to this task, and not only its beginning.
    public var isRoutedByAnyWindow: Bool
    /// The workers that serve the task: those of this pool, or the shared ones.
    public var pool: String?

    public init(
        name: String, title: String, description: String, unit: Unit, output: Output, comparator: Comparator,
        models: TaskModels, windowRule: WindowRule = .mean, isRoutedByAnyWindow: Bool = false, pool: String? = nil
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.unit = unit
        self.output = output
        self.comparator = comparator
        self.models = models
        self.windowRule = windowRule
        self.isRoutedByAnyWindow = isRoutedByAnyWindow
        self.pool = pool
    }
}

public struct LabelDescription: Sendable, Equatable {
    public var name: String
    public var description: String

    public init(name: String, description: String) {
        self.name = name
        self.description = description
    }
}

/// The models of a task, by name: a folder of `infra/models`, or an endpoint.
public struct TaskModels: Sendable, Equatable {
    /// Asked first. `nil` if there is none yet: every item then goes to the full model.
    public var small: String?
    /// Asked where the small model is not sure.
    public var middle: String?
    /// Asked where no other model is sure.
    public var full: String

    public init(small: String? = nil, middle: String? = nil, full: String) {
        self.small = small
        self.middle = middle
        self.full = full
    }
}

/// The catalog that is in force. It may change while a process runs.
public final class LiveCatalog: Sendable {
    private let state: Mutex<(catalog: Catalog, version: Int64)>

    /// - Parameter version: the number of the version; 0 for a catalog that was never applied.
    public init(_ catalog: Catalog, version: Int64 = 0) { state = Mutex((catalog, version)) }

    /// A batch reads it once, so that all of its records are judged by the same catalog.
    public var current: Catalog { state.withLock(\.catalog) }

    /// The catalog and the number of its version.
    public var snapshot: (catalog: Catalog, version: Int64) { state.withLock(\.self) }

    /// The number of the version that is in force.
    public var version: Int64 { state.withLock(\.version) }

    /// Puts a newer version in force. An older one, which a topic may deliver again, changes nothing.
    /// - Returns: whether the version is newer.
    public func replace(with catalog: Catalog, version: Int64) -> Bool {
        state.withLock { state in
            guard version > state.version else { return false }
            state = (catalog, version)
            return true
        }
    }
}

extension TaskModels {
    /// Whether a model's name is that of an endpoint, and not of a folder of models.
    public static func isEndpoint(_ name: String) -> Bool { name.utf8.starts(with: "endpoint:".utf8) }
}
