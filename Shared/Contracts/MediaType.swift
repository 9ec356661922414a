/// A media type without its parameters, in lower case.
/// - Source: RFC 9110, section 8.3.1; RFC 6839 for the suffixes
public struct MediaType: Sendable, Equatable {
    public let name: String
    private let charset: String?

    public init(_ text: String) {
        let parts = text.lowercased().split(separator: ";", omittingEmptySubsequences: false).map(\.trimmed)
        name = parts.first ?? ""
        charset = parts.dropFirst().first { $0.hasPrefix("charset=") }.map { parameter in
            parameter.dropFirst("charset=".count).filter { $0 != "\"" }
        }
    }

    /// Whether the bytes are one JSON text.
    public var isJSON: Bool { isUTF8 && (name.hasSuffix("/json") || name.hasSuffix("+json")) }

    /// Whether what it names can be read as text.
    public var isText: Bool { name.hasPrefix("text/") || isStructuredText || Self.otherText.contains(name) }

    private var isStructuredText: Bool {
        ["/json", "+json", "/xml", "+xml", "/yaml", "+yaml"].contains { name.hasSuffix($0) }
    }

    private var isUTF8: Bool { charset.map { $0 == "utf-8" || $0 == "us-ascii" } ?? true }

    private static let otherText: Set = [
        "application/javascript", "application/jsonl", "application/sql", "application/toml", "application/x-ndjson",
        "application/x-sh", "application/x-www-form-urlencoded", "application/x-yaml", "message/rfc822",
    ]
}

extension Substring {
    /// Without the spaces that may stand around a parameter.
    fileprivate var trimmed: String {
        func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
