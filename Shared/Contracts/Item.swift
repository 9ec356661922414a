/// A segment of text that one answer is about.
public struct Item: Sendable, Equatable {
    public var text: String
    /// Where it stands in its source; an item that a machine gave is its own.
    public var span: Span?
    /// The attachment that it was cut from; `nil` for the request's own text.
    public var source: String?

    public init(text: String, span: Span? = nil, source: String? = nil) {
        self.text = text
        self.span = span
        self.source = source
    }

    /// - Units: Unicode code points of the source, end exclusive, as Python and Postgres count.
    public struct Span: Sendable, Hashable {
        public var start: Int
        public var end: Int

        public init(_ start: Int, _ end: Int) {
            self.start = start
            self.end = end
        }
    }
}
