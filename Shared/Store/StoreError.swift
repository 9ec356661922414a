import Contracts

/// An error of the store. Its description holds the SQLSTATE and the statement's name, never bound values.
public struct StoreError: RetriableError, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable { case unavailable, conflict, query, migration, configuration }

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

    /// A conflict with another transaction is a fault of these rows only.
    public var isDependencyUnavailable: Bool { isRetriable && code != .conflict }

    public var description: String { "\(code.rawValue): \(message)" }
}
