/// What WordPiece forgets of a piece. The model has an embedding for each combination.
/// - Source: infra/models/README.md, Reading
struct PieceMark: OptionSet {
    let rawValue: UInt8

    /// The piece begins with an upper-case letter.
    static let capital = PieceMark(rawValue: 1)
    /// No white space stands before the piece on its line.
    static let glued = PieceMark(rawValue: 2)
    /// The piece is context: it is read so that others are understood.
    static let context = PieceMark(rawValue: 4)

    /// The number of combinations.
    static let count = 8
}

/// The pieces of a source: WordPiece line by line, and a piece for each line end or run of empty lines.
struct SourcePieces: PieceSink {
    private(set) var ids: [Int32] = []
    private(set) var marks: [PieceMark] = []
    private(set) var places: [SourcePlace] = []
    private let lineEnds: Vocabulary.LineEnds
    private let vocabulary: Vocabulary

    var count: Int { ids.count }

    /// - Parameter lineEnds: the ids of the pieces for line ends.
    init(_ text: String, _ tokenizer: WordPieceTokenizer, lineEnds: Vocabulary.LineEnds) {
        self.lineEnds = lineEnds
        vocabulary = tokenizer.vocabulary
        WordPieceTokenizer.lendUTF8(of: text) { read($0, tokenizer) }
    }

    /// Whether a piece is a line end. No text of a line gives such a piece, because brackets are words of their own.
    func isLineEnd(_ piece: Int) -> Bool { ids[piece] == lineEnds.one || ids[piece] == lineEnds.several }

    /// Whether a piece continues the word, or the scalar, that the piece before it begins. A syllable of Hangul may be
    /// several pieces.
    func isContinuation(_ piece: Int) -> Bool {
        guard piece > 0, !isLineEnd(piece) else { return false }
        return vocabulary.isContinuation(ids[piece]) || places[piece].start < places[piece - 1].end
    }

    mutating func append(_ id: Int32, _ place: SourcePlace) {
        ids.append(id)
        places.append(place)
    }

    mutating func removeLast(_ count: Int) {
        ids.removeLast(count)
        places.removeLast(count)
    }

    private mutating func read(_ text: UnsafeBufferPointer<UInt8>, _ tokenizer: WordPieceTokenizer) {
        var line = 0, index = 0
        while index < text.count {
            guard Self.isLineEnd(text[index]) else {
                index += 1
                continue
            }
            let end = LineEnd(text, line: line, at: index)
            read(text, line: line..<end.range.lowerBound, tokenizer)
            append(
                end.breaks == 1 ? lineEnds.one : lineEnds.several, SourcePlace(end.range.lowerBound, end.range.count))
            marks.append([])
            (line, index) = (end.range.upperBound, end.range.upperBound)
        }
        read(text, line: line..<text.count, tokenizer)
    }

    private mutating func read(
        _ text: UnsafeBufferPointer<UInt8>, line: Range<Int>, _ tokenizer: WordPieceTokenizer
    ) {
        tokenizer.scan(text, line, .max, &self)
        for piece in marks.count..<count { marks.append(Self.mark(of: Int(places[piece].start), in: text, line: line)) }
    }

    private static func mark(of start: Int, in text: UnsafeBufferPointer<UInt8>, line: Range<Int>) -> PieceMark {
        var mark: PieceMark = []
        if isUpperCase(UTF8.scalar(in: text, at: start).scalar) { mark.insert(.capital) }
        guard start > line.lowerBound else { return mark }
        var before = start - 1
        while UTF8.isContinuation(text[before]) { before -= 1 }
        if !isWhiteSpace(UTF8.scalar(in: text, at: before).scalar) { mark.insert(.glued) }
        return mark
    }

    /// Unicode's property `Uppercase`, for the characters of Unicode 14, which is the training side's version. Newer ones
    /// are in no vocabulary.
    static func isUpperCase(_ scalar: UInt32) -> Bool {
        guard scalar >= 0x80 else { return UInt8(ascii: "A")...UInt8(ascii: "Z") ~= UInt8(scalar) }
        guard let properties = Unicode.Scalar(scalar)?.properties, properties.isUppercase else { return false }
        return properties.age.map { $0.major <= 14 } ?? false
    }

    /// Unicode's property `White_Space`, which no longer changes.
    static func isWhiteSpace(_ scalar: UInt32) -> Bool {
        guard scalar >= 0x80 else { return scalar == 0x20 || 0x09...0x0D ~= scalar }
        return Unicode.Scalar(scalar)?.properties.isWhitespace ?? false
    }

    fileprivate static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    fileprivate static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

/// A line end with the blanks before it, and the blank lines that follow.
private struct LineEnd {
    let range: Range<Int>
    private(set) var breaks = 0

    /// - Parameters:
    ///   - line: where the line begins.
    ///   - index: the first line feed or carriage return of the line.
    init(_ text: UnsafeBufferPointer<UInt8>, line: Int, at index: Int) {
        var start = index, end = index, next = index
        while start > line, SourcePieces.isBlank(text[start - 1]) { start -= 1 }
        while next < text.count {
            if SourcePieces.isLineEnd(text[next]) {
                let isPair = text[next] == 0x0D && next + 1 < text.count && text[next + 1] == 0x0A
                next += isPair ? 2 : 1
                end = next
                breaks += 1
            } else if SourcePieces.isBlank(text[next]) {
                next += 1
            } else {
                break
            }
        }
        range = start..<end
    }
}
