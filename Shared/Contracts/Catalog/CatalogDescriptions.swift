/// A named domain, and what it can be asked.
public struct CapabilityDescription: Sendable, Equatable {
    public var name: Capability
    public var title: String
    /// What the domain is, for people and for a model that routes.
    public var description: String
    /// The languages that its small models were cut for: BCP 47 primary subtags, such as `en`. If it is empty, no
    /// item's language is checked.
    public var languages: [String]
    /// The languages that the full models of its tasks understand as well; `*` for any.
    public var fullLanguages: [String]
    public var tasks: [TaskDescription]

    /// Stands for every language.
    public static let anyLanguage = "*"

    public init(
        name: Capability, title: String, description: String, languages: [String] = [], fullLanguages: [String] = [],
        tasks: [TaskDescription]
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.languages = languages
        self.fullLanguages = fullLanguages
        self.tasks = tasks
    }
}

/// What an answer is.
public enum AnswerKind: String, Sendable, CaseIterable { case label, text, json, transcript }

/// One thing that a capability does.
public struct TaskDescription: Sendable, Equatable {
    /// What one item is.
    public enum Unit: String, Sendable, CaseIterable {
        case utterance, sentence, clause, document, line, value, audio

        /// Whether an item is in a language of people. A line of a log or a value of a request has none.
        public var hasLanguage: Bool {
            switch self {
            case .utterance, .sentence, .clause, .document: true
            case .line, .value, .audio: false
            }
        }
    }

    public enum Output: Sendable, Equatable {
        /// One of these labels.
        case label([LabelDescription])
        case text
        /// A JSON value that is valid against the schema, which is kept as JSON text.
        case json(schema: String)
        case transcript

        public var kind: AnswerKind {
            switch self {
            case .label: .label
            case .text: .text
            case .json: .json
            case .transcript: .transcript
            }
        }
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
    /// `nil` for a task that the router's own head knows, or that only machines ask for.
    public var routing: TaskRouting?
    /// The workers that serve the task: those of this pool, or the shared ones.
    public var pool: String?
    public var limits: AnswerLimits

    public init(
        name: String, title: String, description: String, unit: Unit, output: Output, comparator: Comparator,
        models: TaskModels, windowRule: WindowRule = .mean, isRoutedByAnyWindow: Bool = false,
        routing: TaskRouting? = nil, pool: String? = nil, limits: AnswerLimits = AnswerLimits()
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
        self.routing = routing
        self.pool = pool
        self.limits = limits
    }
}

/// Bounds of an answer that a language model writes. They hold for each item.
public struct AnswerLimits: Sendable, Hashable {
    /// The most tokens of an answer. The price that is reserved for a call depends on it.
    public var maxTokens: Int
    /// From 0 to 2. With 0 a model says the same twice, as far as it can.
    public var temperature: Double
    /// Texts at which an answer ends, at most four.
    public var stop: [String]

    public init(maxTokens: Int = 256, temperature: Double = 0, stop: [String] = []) {
        self.maxTokens = maxTokens
        self.temperature = temperature
        self.stop = stop
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
    /// Asked first, by a worker if it is a folder, and by the escalator if it is an endpoint. `nil` if there is none yet:
    /// every item then goes to the full model.
    public var small: String?
    /// A folder. The escalator asks it where the small model is not sure.
    public var middle: String?
    /// Asked where no other model is sure.
    public var full: String
    /// For the comparator `judge`: an endpoint that says whether two answers say the same.
    public var judge: String?

    public init(small: String? = nil, middle: String? = nil, full: String, judge: String? = nil) {
        self.small = small
        self.middle = middle
        self.full = full
        self.judge = judge
    }
}

extension TaskModels {
    /// How a model's name begins if it is that of an endpoint, and not of a folder of models.
    public static let endpointPrefix = "endpoint:"

    public static func isEndpoint(_ name: String) -> Bool { name.utf8.starts(with: endpointPrefix.utf8) }

    /// The small model, if a worker serves it.
    public var workerModel: String? { small.flatMap { Self.isEndpoint($0) ? nil : $0 } }
}

/// A model behind an HTTP server, as its file describes it.
public struct EndpointDescription: Sendable, Equatable {
    /// Without `endpoint:`.
    public var name: String
    /// Changes with everything in the file that can change an answer, and with nothing else.
    public var version: String
    /// The file, as compact JSON. It names the file of the key, and does not hold the key.
    /// - Source: infra/endpoints/schema.json
    public var file: String

    public init(name: String, version: String, file: String) {
        self.name = name
        self.version = version
        self.file = file
    }
}
