import Contracts

/// A model that was asked and could not answer: the same texts would fail again. Never quotes a text.
public struct InferenceError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case unknownRoute = "unknown_route"
        /// oneDNN refused a product: out of memory, or a processor it does not know.
        case compute
        /// A model behind an endpoint did not answer.
        case unavailable
        /// It answered with something else than a prediction a text.
        case invalidAnswer = "invalid_answer"
    }

    public let code: Code
    public let message: String
    public let underlying: (any Error)?

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
