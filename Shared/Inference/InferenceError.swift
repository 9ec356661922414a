import Contracts

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
