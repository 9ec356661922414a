/// Why a document or a member of it could not be read; never quotes the document.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}
