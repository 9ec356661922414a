/// A media type without its parameters, in lower case.
/// - Source: RFC 9110, section 8.3.1; RFC 6839 for the suffixes
public struct MediaType: Sendable, Equatable {
    public let name: String
    private let charset: String?

    public init(_ text: String) {
        // Fast path: this runs for every record, and few media types have parameters.
        guard !Self.isName(text) else {
            (name, charset) = (text, nil)
            return
        }
        let parts = text.lowercased().split(separator: ";", omittingEmptySubsequences: false).map(\.trimmed)
        name = parts.first ?? ""
        charset = parts.dropFirst().first { $0.hasPrefix("charset=") }.map { parameter in
            parameter.dropFirst("charset=".count).filter { $0 != "\"" }
        }
    }

    /// Whether the bytes are one JSON text.
    public var isJSON: Bool { isUTF8 && (ends(with: "/json") || ends(with: "+json")) }

    /// Whether content of this media type can be read as text.
    public var isText: Bool { name.hasPrefix("text/") || isStructuredText || Self.otherText.contains(name) }

    private var isStructuredText: Bool {
        ["/json", "+json", "/xml", "+xml", "/yaml", "+yaml"].contains { ends(with: $0) }
    }

    private var isUTF8: Bool { charset.map { $0 == "utf-8" || $0 == "us-ascii" } ?? true }

    /// Compares bytes, which is faster than `hasSuffix`, which compares characters.
    private func ends(with suffix: String) -> Bool { name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }

    /// Whether the text is already a normalized name: lower-case ASCII without spaces and parameters.
    private static func isName(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            (UInt8(ascii: "!")...UInt8(ascii: "~")).contains(byte) && byte != UInt8(ascii: ";")
                && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        }
    }

    private static let otherText: Set = [
        "application/javascript", "application/jsonl", "application/sql", "application/toml", "application/x-ndjson",
        "application/x-sh", "application/x-www-form-urlencoded", "application/x-yaml", "message/rfc822",
    ]
}

extension Substring {
    /// The text without the spaces and tabs around it.
    fileprivate var trimmed: String {
        func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
