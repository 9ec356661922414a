import Contracts

/// A block, with its sentences and parts for the case that it is not kept whole.
struct Segment: Equatable {
    var whole: Item
    var kind: Block.Kind
    /// The sentences in the order of the text. A sentence that is not compound has one part.
    var sentences: [Sentence]

    struct Sentence: Equatable {
        var whole: Item
        /// The simple sentences that the splitter finds in a compound sentence. A simple sentence has one part.
        var parts: [Item]
        /// How sure the splitter is of its least sure decision. 1 if there was nothing to decide.
        var confidence = 1.0
    }
}

/// Cuts a request into segments. Rules cut blocks and sentences, and the learned splitter cuts compound sentences.
struct Segmenter: Sendable {
    /// Takes a sentence and returns its parts, and how sure the least sure decision is.
    typealias Split = @Sendable (String) -> (parts: [Range<String.Index>], confidence: Double)

    /// A compound wish is far shorter than this limit, and the splitter's work grows with the square of the length.
    private static let longestCompound = 1_000

    private let split: Split

    init(split: @escaping Split) { self.split = split }

    func segments(of request: Request) -> [Segment] {
        let own = request.text.map { segments(of: $0, source: nil, isProse: true) } ?? []
        return request.attachments.reduce(into: own) { segments, attachment in
            segments += self.segments(
                of: attachment.text, source: attachment.name, isProse: Self.isProse(attachment.mediaType))
        }
    }

    /// Every other text format (logs, CSV, URI lists, form data) is read line by line.
    private static func isProse(_ mediaType: String) -> Bool {
        let type = mediaType.lowercased().prefix { $0 != ";" }.filter { !$0.isWhitespace }
        return ["text/plain", "text/markdown", "text/html"].contains(type)
    }

    private func segments(of text: String, source: String?, isProse: Bool) -> [Segment] {
        let ruler = CodePointRuler(text)
        func item(_ range: Range<String.Index>) -> Item {
            Item(text: String(text[range]), span: ruler.span(range), source: source)
        }
        return BlockScanner.blocks(of: text, isProse: isProse).map { block in
            let whole = item(block.range)
            guard block.kind == .prose else {
                return Segment(whole: whole, kind: block.kind, sentences: [.init(whole: whole, parts: [whole])])
            }
            let sentences = Sentences.ranges(in: text[block.range]).map { range -> Segment.Sentence in
                guard source == nil else { return Segment.Sentence(whole: item(range), parts: [item(range)]) }
                let (parts, confidence) = partRanges(of: text, range)
                return Segment.Sentence(whole: item(range), parts: parts.map(item), confidence: confidence)
            }
            return Segment(whole: whole, kind: block.kind, sentences: sentences)
        }
    }

    /// Returns the splitter's cuts, except those inside quotation marks.
    private func partRanges(
        of text: String, _ range: Range<String.Index>
    ) -> (parts: [Range<String.Index>], confidence: Double) {
        let sentence = String(text[range])
        guard sentence.utf8.count <= Self.longestCompound else { return ([range], 1) }
        let quotations = Quotations.ranges(in: sentence)
        let cut = split(sentence)
        var parts: [Range<String.Index>] = []
        for part in cut.parts {
            if let last = parts.last, quotations.contains(where: { $0.overlaps(last.upperBound..<part.lowerBound) }) {
                parts[parts.count - 1] = last.lowerBound..<part.upperBound
            } else {
                parts.append(part)
            }
        }
        // If the splitter leaves nothing, the sentence stays, so that no text is lost.
        guard !parts.isEmpty else { return ([range], 1) }
        let ranges = parts.map { part in
            let start = sentence.utf8.distance(from: sentence.startIndex, to: part.lowerBound)
            let count = sentence.utf8.distance(from: part.lowerBound, to: part.upperBound)
            let lower = text.utf8.index(range.lowerBound, offsetBy: start)
            return lower..<text.utf8.index(lower, offsetBy: count)
        }
        return (ranges, cut.confidence)
    }
}

/// The text between quotation marks of one kind.
enum Quotations {
    private static let pairs: [Character: Character] = ["\"": "\"", "`": "`", "“": "”", "«": "»", "„": "“"]

    static func ranges(in text: String) -> [Range<String.Index>] {
        var ranges: [Range<String.Index>] = []
        var rest = text[...]
        while let opening = rest.firstIndex(where: { pairs[$0] != nil }) {
            let inside = text.index(after: opening)
            guard let closing = text[inside...].firstIndex(where: { $0 == pairs[text[opening]] }) else {
                rest = text[inside...]
                continue
            }
            ranges.append(opening..<text.index(after: closing))
            rest = text[text.index(after: closing)...]
        }
        return ranges
    }
}

/// Converts indices into code point offsets. It walks the text once if the ranges ascend.
private final class CodePointRuler {
    private let text: String
    private var last: (index: String.Index, offset: Int)

    init(_ text: String) {
        self.text = text
        last = (text.startIndex, 0)
    }

    func span(_ range: Range<String.Index>) -> Item.Span {
        let start = offset(of: range.lowerBound)
        return Item.Span(start, start + text.unicodeScalars.distance(from: range.lowerBound, to: range.upperBound))
    }

    private func offset(of index: String.Index) -> Int {
        last = (index, last.offset + text.unicodeScalars.distance(from: last.index, to: index))
        return last.offset
    }
}
