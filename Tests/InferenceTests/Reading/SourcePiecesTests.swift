import Testing

@testable import Inference

struct SourcePiecesTests {
    static let lineEnds = Vocabulary.LineEnds(one: 1001, several: 1002)

    let tokenizer: WordPieceTokenizer

    init() throws { tokenizer = try TinyModel.tokenizer() }

    private func pieces(_ text: String) -> SourcePieces {
        SourcePieces(text, tokenizer, lineEnds: Self.lineEnds)
    }

    @Test(arguments: [
        ("jazz\nand", ["jazz", "1", "and"]), ("jazz \t\r\nand", ["jazz", "1", "and"]),
        ("jazz\n\nand", ["jazz", "2", "and"]), ("jazz\r\rand", ["jazz", "2", "and"]),
        ("jazz\n\rand", ["jazz", "2", "and"]), ("jazz\n \t\n  and", ["jazz", "2", "and"]),
        ("\njazz\n", ["1", "jazz", "1"]), (" \n \n ", ["2"]), ("  ", []), ("", []),
        ("jazz\u{2028}and\u{A0}jazz", ["jazz", "and", "jazz"]),
    ])
    func `a line end is a piece, and so are empty lines together`(text: String, expected: [String]) {
        let found = pieces(text).ids.map { id in
            id < 1000 ? TinyModel.pieces[Int(id)] : id == Self.lineEnds.one ? "1" : "2"
        }
        #expect(found == expected)
    }

    @Test func `a piece is marked where a capital or no white space begins it`() {
        let text = "Jazz playing,And\tjazz\nand\u{A0}JAZZ"
        let pieces = pieces(text)
        let found = zip(pieces.places, pieces.marks).map { place, mark in
            (String(decoding: Array(text.utf8)[Int(place.start)..<Int(place.end)], as: UTF8.self), mark)
        }
        let expected: [(String, PieceMark)] = [
            ("Jazz", .capital), ("play", []), ("ing", .glued), (",", .glued), ("And", [.capital, .glued]),
            ("jazz", []), ("\n", []), ("and", []), ("JAZZ", .capital),
        ]
        #expect(found.map(\.0) == expected.map(\.0))
        #expect(found.map(\.1) == expected.map(\.1))
    }

    @Test func `capitals and white space are those of the training side, for every character`() throws {
        let properties = try Golden.lines("reader-marks.jsonl", as: Golden.ScalarProperty.self)
        #expect(properties.map(\.property) == ["upperCase", "whiteSpace"])
        for (property, holds) in zip(properties, [SourcePieces.isUpperCase, SourcePieces.isWhiteSpace]) {
            var runs: [[UInt32]] = []
            for scalar in UInt32(0)...0x10FFFF where holds(scalar) {
                if let last = runs.last, last[1] + 1 == scalar {
                    runs[runs.count - 1][1] = scalar
                } else {
                    runs.append([scalar, scalar])
                }
            }
            #expect(runs == property.runs, "\(property.property)")
        }
    }

    /// Characters of every kind that the tokenizer treats in its own way, and words of the vocabulary.
    private static let parts = [
        "unaffable", "Playing", "jazz", "q", ",", ".", "'", "中", " ", "  ", "\t", "\n", "\r\n", "\r", "\n \n", "\u{A0}",
        "é", "e\u{301}", "\u{301}", "İ", "각", "\u{1112}\u{1161}", "\u{0}", "\u{200B}", "\u{FFFD}", "😀", "ﬁ", "\u{1C}",
        "𠀀", "Σ", "\u{2028}", String(repeating: "a", count: 101),
    ]

    @Test(arguments: 0..<200)
    func `places ascend, lie between scalars, and hold every scalar at most once`(seed: UInt64) {
        var dice = Dice(seed)
        let text = (0..<Int.random(in: 0...40, using: &dice))
            .map { _ in Self.parts.randomElement(using: &dice) ?? "" }.joined()
        let pieces = pieces(text), utf8 = Array(text.utf8)
        #expect(pieces.marks.count == pieces.count && pieces.places.count == pieces.count)
        var covered = 0
        for (index, place) in pieces.places.enumerated() {
            let range = Int(place.start)..<Int(place.end)
            #expect(covered <= range.lowerBound && !range.isEmpty && range.upperBound <= utf8.count)
            #expect(!UTF8.isContinuation(utf8[range.lowerBound]))
            #expect(range.upperBound == utf8.count || !UTF8.isContinuation(utf8[range.upperBound]))
            // What lies between two pieces gives no piece.
            let between = String(decoding: utf8[covered..<range.lowerBound], as: UTF8.self)
            #expect(PlacedPieces(between, tokenizer).count == 0)
            let own = String(decoding: utf8[range], as: UTF8.self)
            #expect(pieces.isLineEnd(index) == own.allSatisfy(\.isWhitespace))
            covered = range.upperBound
        }
        let ids = pieces.ids.indices.filter { !pieces.isLineEnd($0) }.map { pieces.ids[$0] }
        #expect(ids == Array(tokenizer.encode(text, maxTokens: .max).dropFirst().dropLast()))
    }

    @Test func `pieces of one syllable have its place, and the later ones begin within it`() throws {
        let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u{1100}", "##\u{1161}", "##\u{11A8}"]
        let tokenizer = WordPieceTokenizer(
            try Vocabulary(Array(vocabulary.joined(separator: "\n").utf8), size: vocabulary.count, file: "syllables"))
        let pieces = SourcePieces("각 가", tokenizer, lineEnds: Self.lineEnds)
        #expect(pieces.ids == [4, 5, 6, 4, 5])
        #expect(pieces.places.map(\.start) == [0, 0, 0, 4, 4] && pieces.places.map(\.end) == [3, 3, 3, 7, 7])
        #expect((0..<5).map(pieces.isContinuation) == [false, true, true, false, true])
        #expect(pieces.marks == [[], [], [], [], []], "no white space stands before the syllable, and none within it")
    }

    @Test func `a piece continues the word before it, and a line end continues nothing`() throws {
        let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "jazz", "##y", "#"]
        let tokenizer = WordPieceTokenizer(
            try Vocabulary(Array(vocabulary.joined(separator: "\n").utf8), size: vocabulary.count, file: "words"))
        let pieces = SourcePieces("jazzy\n#jazz", tokenizer, lineEnds: Self.lineEnds)
        #expect(pieces.ids == [4, 5, Self.lineEnds.one, 6, 4])
        #expect((0..<5).map(pieces.isContinuation) == [false, true, false, false, false])
    }

    @Test func `a line of many blanks is read in one pass`() {
        // Taken anew from each blank, this would be five thousand million steps.
        let text = String(repeating: " ", count: 100_000) + "jazz" + String(repeating: " \n", count: 100_000) + "and"
        #expect(pieces(text).ids.count == 3)
    }
}
