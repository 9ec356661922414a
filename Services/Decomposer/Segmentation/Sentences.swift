import CICU

/// Finds sentence boundaries with ICU.
/// - Source: Unicode Standard Annex #29, section 5
enum Sentences {
    /// Returns the sentences of `text` as ranges of its UTF-8, without surrounding white space. Returns the whole text
    /// if ICU fails.
    static func ranges(in text: Substring) -> [Range<String.Index>] {
        let start = text.startIndex
        let offsets = unwrapped(text.utf8).withUnsafeBufferPointer { boundaries($0) }
        let edges = [0] + offsets
        return zip(edges, edges.dropFirst()).compactMap { from, to in
            let utf8 = text.utf8
            let range = utf8.index(start, offsetBy: from)..<utf8.index(start, offsetBy: to)
            return text.trimmed(range)
        }
    }

    /// Replaces line ends after long lines by spaces, because ICU ends a sentence at every line end. A long line was
    /// probably wrapped by an editor. Only a short line, such as a heading, ends on purpose.
    private static func unwrapped(_ text: Substring.UTF8View) -> [UInt8] {
        var bytes = Array(text)
        var lineStart = 0
        for index in bytes.indices where bytes[index] == 0x0A || bytes[index] == 0x0D {
            if index - lineStart >= wrappedBytes { bytes[index] = 0x20 }
            if bytes[index] == 0x0A || bytes.dropFirst(index + 1).first != 0x0A { lineStart = index + 1 }
        }
        return bytes
    }

    private static let wrappedBytes = 40

    private static func boundaries(_ bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        guard !bytes.isEmpty else { return [] }
        return bytes.withMemoryRebound(to: CChar.self) { characters in
            var status = U_ZERO_ERROR
            var text: UnsafeMutablePointer<UText>?
            let iterator = winnow_sentences_open(characters.baseAddress, Int64(bytes.count), &text, &status)
            defer { winnow_sentences_close(iterator, text) }
            guard winnow_icu_failed(status) == 0 else { return [bytes.count] }
            var offsets: [Int] = []
            while case let offset = winnow_sentences_next(iterator), offset > 0 { offsets.append(Int(offset)) }
            return offsets.last == bytes.count ? offsets : offsets + [bytes.count]
        }
    }
}

extension StringProtocol {
    /// Returns `range` without white space at its ends; `nil` if it holds nothing else.
    func trimmed(_ range: Range<Index>) -> Range<Index>? {
        let scalars = unicodeScalars
        guard let first = scalars[range].firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars[range].lastIndex(where: { !$0.properties.isWhitespace })
        else { return nil }
        return first..<scalars.index(after: last)
    }
}
