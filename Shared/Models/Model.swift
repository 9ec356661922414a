import Contracts

/// Anything that answers questions about inputs: a model behind an HTTP server, or an artifact in the process.
///
/// A caller sees inputs, a question and outputs. How the model batches, retries or waits is its own business.
public protocol Model: Sendable {
    var identity: ModelIdentity { get }

    /// Answers the question for each input, in the order of the inputs.
    /// - Parameter ledger: is told of each try before it is made.
    /// - Throws: `ModelError`, which also has the answers and attempts that were paid for before the failure. So has
    ///   the one for a cancelled task, since a request that was under way may have cost something.
    func answer(
        _ inputs: [ModelInput], as question: Question, on ledger: (any CallLedger)?
    ) async throws -> [ModelOutput]
}

extension Model {
    /// Answers without a ledger.
    public func answer(_ inputs: [ModelInput], as question: Question) async throws -> [ModelOutput] {
        try await answer(inputs, as: question, on: nil)
    }
}

/// Is told of each try that costs something, so that its price can be reserved before the try is made.
///
/// A try is begun once nothing but the server is waited for: it has a place among the calls in flight, and the circuit
/// is closed. So nothing is reserved for a call that only waits.
public protocol CallLedger: Sendable {
    /// - Parameters:
    ///   - model: the model that is about to be asked: the one that was meant, or a fallback.
    ///   - most: the most that the try can cost.
    ///   - inputs: how many inputs it asks about.
    /// - Returns: a number by which the caller finds the try again, as `ModelAttempt.ticket`.
    /// - Throws: `ModelError`. The try is then not made, and the question is not answered.
    func begin(_ model: ModelIdentity, most: PicoDollars, inputs: Int) async throws(ModelError) -> Int
}

/// What a question is asked about.
public enum ModelInput: Hashable, Sendable {
    /// A text, and what stands around it, which a model that routes the text is told.
    case text(String, in: ItemContext? = nil)
}

/// A question that is asked about each input separately.
public struct Question: Hashable, Sendable {
    /// One of the answers that a question of labels allows.
    public struct Label: Hashable, Sendable {
        public let name: String
        /// What the label stands for, for a model that has not learned it. Empty if the name says it all.
        public let description: String

        public init(_ name: String, description: String = "") {
            self.name = name
            self.description = description
        }
    }

    public enum Kind: Hashable, Sendable {
        /// Exactly one of these labels.
        case labels([Label])
        /// Any number of these labels, for the input as a whole or for each of the parts into which the model cuts it.
        case routing([Label], cuts: Bool)
        case text
        /// A JSON value. `schema` is the text of a JSON Schema.
        case json(schema: String)
    }

    /// Bounds of an answer. They hold for each input.
    public struct Limits: Hashable, Sendable {
        /// The most tokens of the answer. The price that is reserved for a call depends on it.
        public var maxTokens: Int
        /// `nil` leaves it to the model.
        public var temperature: Double?
        /// Texts at which the answer ends.
        public var stop: [String]

        public init(maxTokens: Int = 256, temperature: Double? = 0, stop: [String] = []) {
            self.maxTokens = maxTokens
            self.temperature = temperature
            self.stop = stop
        }
    }

    /// The name of the task, such as `legal-services/clause-type`.
    public var task: String
    /// What is asked, in words. Part of the prompt of a language model.
    public var description: String
    public var kind: Kind
    public var limits: Limits
    /// The instant at which the caller no longer needs an answer. No try begins or lasts beyond it.
    public var deadline: ContinuousClock.Instant?
    /// Whether the question gives way to others where a limit of the model makes them wait.
    public var isBackground: Bool

    public init(
        task: String, description: String, kind: Kind, limits: Limits = Limits(),
        deadline: ContinuousClock.Instant? = nil, isBackground: Bool = false
    ) {
        self.task = task
        self.description = description
        self.kind = kind
        self.limits = limits
        self.deadline = deadline
        self.isBackground = isBackground
    }
}
