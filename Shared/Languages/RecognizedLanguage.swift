import CCLD2

/// The language of a text, as CLD2 recognizes it.
///
/// CLD2 looks words and their parts up in tables, which takes microseconds and no model. It recognizes 98% of single
/// sentences.
/// - Source: infra/decisions/0062-languages-of-a-capability.md
public struct RecognizedLanguage: Sendable, Hashable {
    /// A primary subtag of BCP 47, such as `en`. There are as many as CLD2 has tables for, about eighty.
    public let tag: String
    /// Whether it is clearly more probable than any other.
    public let isReliable: Bool

    /// The code points below which nothing is recognized, since names and single words look like many languages.
    public static let fewestCharacters = 20
    /// More tells no more about the language, and texts come from outside.
    /// - Units: bytes.
    static let mostBytes = 4096

    /// - Returns: `nil` if the text is too short, or if its language is not known.
    public init?(of text: String) {
        guard text.unicodeScalars.prefix(Self.fewestCharacters).count == Self.fewestCharacters else { return nil }
        var isReliable = false
        let code = Self.readable(text).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { bytes in
                winnow_language(bytes.baseAddress, bytes.count, &isReliable).map { String(cString: $0) }
            }
        }
        guard let code, let tag = Self.tag(of: code) else { return nil }
        self.tag = tag
        self.isReliable = isReliable
    }

    /// Returns the beginning of a text in whole characters. CLD2 refuses control characters, among them NUL.
    private static func readable(_ text: String) -> [UInt8] {
        var bytes = text.utf8.prefix(mostBytes).map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
        guard bytes.count == mostBytes else { return bytes }
        while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
        return bytes
    }

    /// - Returns: `nil` for codes that are no languages: `un` and `xxx` for what is not known, `xx-…` for a script
    ///   alone, and `zz…` for CLD2's own jokes, such as Pig Latin.
    private static func tag(of code: String) -> String? {
        let primary = String(code.prefix { $0 != "-" })
        return ["un", "xx", "xxx"].contains(primary) || primary.hasPrefix("zz") ? nil : canonical(primary)
    }

    /// Returns one tag for what has several: codes that BCP 47 has replaced, and Norwegian, of which CLD2 knows no
    /// Bokmål.
    static func canonical(_ tag: String) -> String { synonyms[tag] ?? tag }

    private static let synonyms = [
        "iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "nb": "no", "nn": "no", "fil": "tl",
    ]
}
