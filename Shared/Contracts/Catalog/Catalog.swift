/// Every capability: what it is called, what it takes and answers, and which models serve it.
///
/// A catalog is data. It is written as one JSON file for each capability (`infra/capabilities`).
public struct Catalog: Sendable, Equatable {
    /// Ordered by name.
    public let capabilities: [CapabilityDescription]
    private let tasks: [Route: TaskDescription]
    /// The routes that a request may name, ordered by capability; a capability's tasks in the order of its file.
    public let routes: [Route]

    /// - Parameter capabilities: each name is unique, and so is the name of each task of a capability.
    public init(_ capabilities: [CapabilityDescription] = []) {
        self.capabilities = capabilities.sorted { $0.name.rawValue < $1.name.rawValue }
        let tasks = self.capabilities.flatMap { capability in
            capability.tasks.map { (Route(capability.name, $0.name), $0) }
        }
        routes = tasks.map(\.0)
        self.tasks = Dictionary(tasks) { first, _ in first }
    }

    public subscript(_ capability: Capability) -> CapabilityDescription? {
        capabilities.first { $0.name == capability }
    }

    public subscript(_ route: Route) -> TaskDescription? { tasks[route] }

    public func routes(of capability: Capability) -> [Route] { routes.filter { $0.capability == capability } }

    /// How the windows of a text that exceeds a model's input are combined into one answer on this route.
    public func windowRule(of route: Route) -> WindowRule {
        guard route == .decomposition else { return tasks[route]?.windowRule ?? .mean }
        return .beginningAnd(findings: routes.filter { tasks[$0]?.isRoutedByAnyWindow == true }.map(\.description))
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
