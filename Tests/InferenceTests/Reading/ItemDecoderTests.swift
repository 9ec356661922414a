import Foundation
import Testing

@testable import Inference

struct ItemDecoderTests {
    /// A piece with its tag and the probability of it. A state is the piece's number.
    private struct Piece {
        let tag: ItemTag
        var probability = 0.9
        var isLineEnd = false
        var isContinuation = false
    }

    private func decode(_ pieces: [Piece]) -> (items: [Range<Int>], certainties: [Double], means: [Float]) {
        var decoder = ItemDecoder(width: 1)
        for (index, piece) in pieces.enumerated() {
            let rest = (1 - piece.probability) / 2
            let scores = ItemTag.allCases.map { Float(log($0 == piece.tag ? piece.probability : rest)) }
            decoder.take(
                index, scores[...], [Float(index)], isLineEnd: piece.isLineEnd, isContinuation: piece.isContinuation)
        }
        decoder.finish()
        return (decoder.items.map(\.pieces), decoder.items.map(\.certainty), decoder.means)
    }

    /// `o`, `b` and `i` are tags, upper case for a line end.
    private func decode(_ tags: String) -> [Range<Int>] {
        decode(
            tags.map { letter in
                let tag: ItemTag = "oO".contains(letter) ? .outside : "bB".contains(letter) ? .begin : .inside
                return Piece(tag: tag, isLineEnd: letter.isUppercase)
            }
        ).items
    }

    @Test(arguments: [
        ("", []), ("oo", []), ("obio", [1..<3]), ("bibi", [0..<2, 2..<4]), ("bb", [0..<1, 1..<2]), ("oiio", [1..<3]),
        ("iobi", [2..<4]), ("biIbi", [0..<2, 3..<5]), ("BiiI", [1..<3]), ("bIIi", [0..<4]), ("oBIo", []),
        ("bIIob", [0..<1, 4..<5]),
    ])
    func `an item begins at its tag, ends before what is outside, and sheds line ends`(
        tags: String, expected: [Range<Int>]
    ) {
        #expect(decode(tags) == expected)
    }

    @Test func `an item's state is the mean of its pieces, without the line ends at its ends`() {
        let line = Piece(tag: .inside, isLineEnd: true), word = Piece(tag: .inside)
        #expect(decode([line, line, word, line, word, line, line, Piece(tag: .begin)]).means == [3, 7])
    }

    @Test func `an item is as certain as its least certain tag, also of a line end`() {
        let pieces = [
            Piece(tag: .outside, probability: 0.4), Piece(tag: .begin), Piece(tag: .inside, probability: 0.7),
            Piece(tag: .inside, probability: 0.6, isLineEnd: true), Piece(tag: .begin, probability: 0.8),
        ]
        let certainties = decode(pieces).certainties
        #expect(zip(certainties, [0.6, 0.8]).allSatisfy { abs($0 - $1) < 1e-6 } && certainties.count == 2)
    }

    @Test func `no item begins or ends within a character`() {
        let rest = [ItemTag.begin, .outside, .inside].map { Piece(tag: $0, isContinuation: true) }
        #expect(decode([Piece(tag: .begin)] + rest).items == [0..<4])
        #expect(decode([Piece(tag: .outside)] + rest + [Piece(tag: .begin)]).items == [4..<5])
    }
}
