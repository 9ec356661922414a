import Contracts

/// The seam between a worker and its model: an encoder in the process, or an HTTP endpoint.
public protocol Classifier: Sendable {
    /// The whole model, for logs.
    var identity: ModelIdentity { get }
    /// The routes that the model answers.
    var routes: [Route] { get }

    /// The model that answers `route`, and its version there, which answers, the ledger and certificates name.
    func identity(of route: Route) -> ModelIdentity

    /// Returns one prediction for each text, in order.
    /// - Throws: `InferenceError.unknownRoute` if `route` is not one of `routes`; never retriable.
    func classify(_ texts: [String], as route: Route) async throws -> [Prediction]

    /// Like `classify(_:as:)`. A model that reads requests reads each text between what stands around it; another model
    /// ignores the contexts.
    /// - Parameter contexts: one for each text; `nil` for a text without.
    func classify(_ texts: [String], in contexts: [ItemContext?], as route: Route) async throws -> [Prediction]

    /// The maximum number of tokens that a call for `text` consumes, with its context. A budget reserves this many before
    /// the call.
    func mostTokens(of text: String, in context: ItemContext?, as route: Route) -> Int
}

extension Classifier {
    public func identity(of route: Route) -> ModelIdentity { identity }

    public func classify(
        _ texts: [String], in contexts: [ItemContext?], as route: Route
    ) async throws -> [Prediction] {
        try await classify(texts, as: route)
    }
}

/// Several models, each of which answers other routes.
public struct ClassifierSet: Classifier {
    private let main: any Classifier
    private let members: [Route: any Classifier]

    /// - Parameters:
    ///   - main: answers every route that no other member answers.
    ///   - members: the other models by route.
    public init(_ main: any Classifier, _ members: [Route: any Classifier]) {
        self.main = main
        self.members = members
    }

    /// The identity of the main model.
    public var identity: ModelIdentity { main.identity }

    public var routes: [Route] { main.routes.filter { members[$0] == nil } + members.keys.sorted { "\($0)" < "\($1)" } }

    public func identity(of route: Route) -> ModelIdentity { member(route).identity(of: route) }

    public func classify(_ texts: [String], as route: Route) async throws -> [Prediction] {
        try await member(route).classify(texts, as: route)
    }

    public func classify(
        _ texts: [String], in contexts: [ItemContext?], as route: Route
    ) async throws -> [Prediction] {
        try await member(route).classify(texts, in: contexts, as: route)
    }

    public func mostTokens(of text: String, in context: ItemContext?, as route: Route) -> Int {
        member(route).mostTokens(of: text, in: context, as: route)
    }

    private func member(_ route: Route) -> any Classifier { members[route] ?? main }
}

/// A model's prediction for one text.
public struct Prediction: Sendable, Equatable {
    /// A label that was not given but is nearly as probable.
    public struct Rival: Sendable, Equatable {
        public var label: String
        /// The label's probability divided by the given label's: at least `Prediction.leastShare`.
        public var share: Double

        public init(label: String, share: Double) {
            self.label = label
            self.share = share
        }
    }

    /// The smallest share of the given label's probability that makes a label a rival.
    public static let leastShare = 0.1

    /// For a multi-label head, the given labels joined by "," in the head's order, or `none`.
    public var label: String
    /// - Source: infra/models/README.md, From logits to an answer
    public var confidence: Double
    /// The value to compare with a threshold. It is `confidence`, limited to the confidence of the least sure window.
    /// It is 0 if an unread part of the text could change the answer, or if the text is unfamiliar.
    public var certainty: Double
    /// Whether `certainty` reaches the head's calibrated threshold; false if there is no threshold.
    public var isSure: Bool
    /// The rivals in the head's order. A multi-label head has none.
    public var rivals: [Rival]
    /// The tokens of all windows, including `[CLS]` and `[SEP]` of each. Pieces in two windows count twice.
    public var inputTokens: Int
    /// The operations of the matrix products of all windows. A multiply-add counts as 2.
    public var flops: Int64
    /// The number of windows of equal size in which the text was read.
    public var windows: Int
    /// Whether the text continues after its last window, so that a part was not read.
    public var isTruncated: Bool
    /// Whether the model's guard does not know texts like this one. Then `certainty` is 0.
    public var isUnfamiliar: Bool
    /// The tasks that route heads of the catalog add to the router's answer.
    public var addedRoutes: [Route]

    public init(
        label: String, confidence: Double, certainty: Double? = nil, isSure: Bool, rivals: [Rival] = [],
        inputTokens: Int, flops: Int64, windows: Int = 1, isTruncated: Bool = false,
        isUnfamiliar: Bool = false, addedRoutes: [Route] = []
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
        self.isUnfamiliar = isUnfamiliar
        self.addedRoutes = addedRoutes
    }

    /// Returns whether `label` is the given label, or nearly as probable as it.
    /// - Parameter share: the share of the given label's probability from which another label is equal; 1 accepts no
    ///   other label.
    public func accepts(_ label: String, from share: Double) -> Bool {
        label == self.label || share < 1 && rivals.contains { $0.label == label && $0.share >= share }
    }
}

/// A fault of a model during a call. Its description never quotes a text.
public struct InferenceError: RetriableError, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The model has no head for the task.
        case unknownRoute = "unknown_route"
        /// A product could not be computed, because memory is short.
        case compute
        /// A model behind an endpoint did not answer.
        case unavailable
        /// A model did not answer with exactly one prediction for each text.
        case invalidAnswer = "invalid_answer"
    }

    public let code: Code
    public let message: String
    public let underlying: (any Error)?

    /// Whether the same call may succeed later. If not, one of its texts or the route is the cause.
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
