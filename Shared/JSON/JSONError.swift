/// A document or one of its members cannot be read. The message never quotes the document.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}
