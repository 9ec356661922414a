/// Why the process could not serve.
public struct RuntimeError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable { case cannotListen, cannotPublishPort }

    public let code: Code
    public let message: String
    public let isRetriable: Bool
    public let underlying: (any Error)?

    init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.isRetriable = false
        self.underlying = underlying
    }

    public var description: String { "\(code): \(message)" }
}
