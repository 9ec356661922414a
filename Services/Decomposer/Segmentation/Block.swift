/// A part of a source that the rules keep together: a paragraph, a list item, a quotation or a line of data.
struct Block: Equatable {
    enum Kind: Equatable {
        /// Sentences. In a request's own text, compound sentences are split.
        case prose
        /// Fenced text or text behind `>`: quoted words or code, which is never cut.
        case quotation
        /// One line of an attachment that is not prose.
        case dataLine
    }

    var kind: Kind
    var range: Range<String.Index>
}

/// Cuts a source into blocks, line by line.
/// - Source: CommonMark 0.31, sections 4.5 (fences), 5.1 (block quotes), 5.2 (list items)
struct BlockScanner {
    private let text: String
    private var blocks: [Block] = []
    private var paragraph: Range<String.Index>?
    private var quotation: Range<String.Index>?
    private var fence: (opening: String.Index, content: String.Index)?

    private init(_ text: String) { self.text = text }

    static func blocks(of text: String, isProse: Bool) -> [Block] {
        var scanner = BlockScanner(text)
        for line in scanner.lines {
            if isProse { scanner.read(line) } else { scanner.emit(.dataLine, line) }
        }
        scanner.finish()
        return scanner.blocks
    }

    private var lines: [Range<String.Index>] {
        text.split(omittingEmptySubsequences: true) { $0.isNewline }.map { $0.startIndex..<$0.endIndex }
            .reduce(into: []) { lines, line in
                // Blank lines are dropped. Two line ends between two lines show that a blank line was there.
                if let last = lines.last, text[last.upperBound..<line.lowerBound].count > 1 {
                    lines.append(last.upperBound..<last.upperBound)
                }
                lines.append(line)
            }
    }

    private mutating func read(_ line: Range<String.Index>) {
        let content = text.trimmed(line)
        if let fence {
            guard let content, text[content].hasPrefix("```") else { return }
            emit(.quotation, fence.content..<line.lowerBound)
            self.fence = nil
            return
        }
        guard let content else { return endBlocks() }
        if opensFence(content) {
            endBlocks()
            fence = (line.lowerBound, line.upperBound)
        } else if text[content].hasPrefix(">") {
            endParagraph()
            let words = text.index(after: content.lowerBound)..<content.upperBound
            quotation = (quotation?.lowerBound ?? words.lowerBound)..<words.upperBound
        } else if let item = listItem(content) {
            endBlocks()
            emit(.prose, item)
        } else {
            endQuotation()
            paragraph = (paragraph?.lowerBound ?? content.lowerBound)..<content.upperBound
        }
    }

    /// A fence has no other backtick on its line. Otherwise the backticks are code within a sentence.
    private func opensFence(_ line: Range<String.Index>) -> Bool {
        text[line].hasPrefix("```") && !text[line].drop { $0 == "`" }.contains("`")
    }

    /// Returns the text after `- `, `* `, `+ `, `• `, `1. ` or `1) `.
    private func listItem(_ line: Range<String.Index>) -> Range<String.Index>? {
        var rest = text[line]
        if let first = rest.first, "-*+•".contains(first) {
            rest = rest.dropFirst()
        } else {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty, digits.count <= 9 else { return nil }
            rest = rest.dropFirst(digits.count)
            guard let mark = rest.first, mark == "." || mark == ")" else { return nil }
            rest = rest.dropFirst()
        }
        guard rest.first?.isWhitespace == true else { return nil }
        return rest.startIndex..<rest.endIndex
    }

    private mutating func endParagraph() {
        if let paragraph { emit(.prose, paragraph) }
        paragraph = nil
    }

    private mutating func endQuotation() {
        if let quotation { emit(.quotation, quotation) }
        quotation = nil
    }

    private mutating func endBlocks() {
        endParagraph()
        endQuotation()
    }

    private mutating func finish() {
        // A fence that is never closed extends to the end of the text.
        if let fence { emit(.quotation, fence.content..<text.endIndex) }
        endBlocks()
    }

    private mutating func emit(_ kind: Block.Kind, _ range: Range<String.Index>) {
        guard let range = text.trimmed(range) else { return }
        blocks.append(Block(kind: kind, range: range))
    }
}
