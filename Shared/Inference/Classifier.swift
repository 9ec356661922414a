import Contracts

/// The seam between a worker and its model: an encoder in the process, or an HTTP endpoint.
public protocol Classifier: Sendable {
    var identity: ModelIdentity { get }
    /// What it can be asked.
    var routes: [Route] { get }

    /// One prediction a text, in order.
    /// - Throws: `InferenceError.unknownRoute` when `route` is none of `routes`; never retriable.
    func classify(_ texts: [String], as route: Route) async throws -> [Prediction]

    /// What `classify` says when it reads the first window of each text alone, and nothing more is wanted.
    func classifyBeginnings(_ texts: [String], as route: Route) async throws -> [Prediction]

    /// What a call for `text` consumes at most: a budget reserves as much before the call is made.
    func mostTokens(of text: String, as route: Route) -> Int
}

/// Name and version of a model.
public struct ModelIdentity: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let version: String

    public init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    public var description: String { "\(name)@\(version)" }
}

/// What a model says of one text.
public struct Prediction: Sendable, Equatable {
    /// A label that was not given.
    public struct Rival: Sendable, Equatable {
        public var label: String
        /// Its probability, as a share of the given label's: at least `Prediction.leastShare`.
        public var share: Double

        public init(label: String, share: Double) {
            self.label = label
            self.share = share
        }
    }

    /// Of the given label's probability: what has less is no rival.
    public static let leastShare = 0.1

    /// Of a multi-label head the labels joined by "," in the head's order; `none` when none passes.
    public var label: String
    /// - Source: infra/models/README.md, From logits to an answer
    public var confidence: Double
    /// What a threshold is compared with: `confidence`, but of a text of several windows no more than its least sure window's,
    /// and 0 where a part was not read that might have changed the answer.
    public var certainty: Double
    /// Whether `certainty` reaches the head's calibrated threshold; false when there is none.
    public var isSure: Bool
    /// In the head's order; none of a multi-label head.
    public var rivals: [Rival]
    /// Of all windows, `[CLS]` and `[SEP]` of each included; pieces that two windows share count twice.
    public var inputTokens: Int
    /// Matrix products of all windows, 2 a multiply-add.
    public var flops: Int64
    /// In how many windows of one size the text was read.
    public var windows: Int
    /// Whether the text goes on behind its last window, so that a part was not read.
    public var isTruncated: Bool

    public init(
        label: String, confidence: Double, certainty: Double? = nil, isSure: Bool, rivals: [Rival] = [],
        inputTokens: Int, flops: Int64, windows: Int = 1, isTruncated: Bool = false
    ) {
        self.label = label
        self.confidence = confidence
        self.certainty = certainty ?? confidence
        self.isSure = isSure
        self.rivals = rivals
        self.inputTokens = inputTokens
        self.flops = flops
        self.windows = windows
        self.isTruncated = isTruncated
    }

    /// Whether the model holds `label` for as good as the one that it gave.
    /// - Parameter share: of the given label's probability that makes another as good; 1 where none is.
    public func accepts(_ label: String, from share: Double) -> Bool {
        label == self.label || share < 1 && rivals.contains { $0.label == label && $0.share >= share }
    }
}

/// A fault of a model that was asked. Its description never quotes a text.
public struct InferenceError: RetriableError, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The model has no head for the task.
        case unknownRoute = "unknown_route"
        /// A product could not be computed, because memory is short.
        case compute
        /// A model behind an endpoint did not answer.
        case unavailable
        /// A model answered with something else than one prediction a text.
        case invalidAnswer = "invalid_answer"
    }

    public let code: Code
    public let message: String
    public let underlying: (any Error)?

    /// Whether the model, and not one of the texts, is at fault: then the same call may succeed later.
    public var isRetriable: Bool {
        switch code {
        case .compute, .unavailable: true
        case .unknownRoute, .invalidAnswer: false
        }
    }

    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    public static func unknownRoute(_ route: Route, model: ModelIdentity) -> InferenceError {
        InferenceError(.unknownRoute, "\(model) has no head for \(route)")
    }

    public var description: String { "\(code.rawValue): \(message)" }
}
