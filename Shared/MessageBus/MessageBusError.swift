/// A fault of the bus. Its description never holds keys, values or credentials.
public struct MessageBusError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case configuration, unavailable, timedOut = "timed_out", tooLarge = "too_large", unknownTopic = "unknown_topic"
        /// The broker refuses the credentials, or one side the other's certificate.
        case authentication
        case fatal
    }

    public let code: Code
    public let message: String
    public let isRetriable: Bool
    public let underlying: (any Error)?

    public init(_ code: Code, _ message: String, isRetriable: Bool, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.underlying = underlying
    }

    public var description: String { "\(code.rawValue): \(message)" }
}
