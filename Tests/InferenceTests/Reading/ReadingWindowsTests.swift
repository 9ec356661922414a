import Testing

@testable import Inference

struct ReadingWindowsTests {
    /// Also those with the longest and the shortest stride that a card may have.
    static let readings = [
        (256, 160, 64), (96, 56, 24), (12, 9, 0), (13, 6, 4), (5, 2, 0),
    ].map { ModelCard.Reading(window: $0, stride: $1, context: $2, sureFrom: nil) }

    @Test(arguments: readings, [nil, 0, 1, 7, 24, 25, 63, 64, 65, 1000])
    func `windows hold every piece, have room for it, and each piece belongs to the one where it stands deepest`(
        reading: ModelCard.Reading, own: Int?
    ) {
        for count in Array(0...60) + [188, 189, 190, 252, 253, 254, 255, 349, 350, 1000] {
            let windows = SourceWindow.windows(reading, count: count, own: own)
            #expect(windows.flatMap { Array($0.owned) } == Array(0..<count))
            #expect(windows.map(\.pieces.upperBound).max() ?? 0 == count)
            for (index, window) in windows.enumerated() {
                #expect(window.pieces.lowerBound == index * reading.stride)
                #expect(window.tokens <= reading.window && !window.pieces.isEmpty)
                #expect(index == windows.count - 1 || window.tokens == reading.window)
            }
            for piece in 0..<count {
                let depths = windows.map { Self.depth(of: piece, in: $0.pieces, count) }
                let deepest = depths.firstIndex(of: depths.max() ?? 0)
                #expect(windows.firstIndex { $0.owned.contains(piece) } == deepest, "piece \(piece) of \(count)")
            }
        }
    }

    /// The neighbours that a window holds on both sides of a piece, as the training side counts them.
    private static func depth(of piece: Int, in window: Range<Int>, _ count: Int) -> Int {
        guard window.contains(piece) else { return -1 }
        return min(
            window.lowerBound == 0 ? .max : piece - window.lowerBound,
            window.upperBound == count ? .max : window.upperBound - 1 - piece)
    }

    @Test func `an attachment is read behind the beginning and the end of the own text`() {
        let reading = Self.readings[0]
        func context(_ count: Int, _ own: Int?) -> [[Range<Int>]] {
            SourceWindow.windows(reading, count: count, own: own).map(\.context)
        }
        #expect(context(300, nil) == [[], [0..<64]], "the own text begins with itself")
        #expect(context(300, 64) == [[0..<64], [0..<64]])
        #expect(context(9, 65) == [[0..<40, 41..<65]])
        #expect(context(9, 1000) == [[0..<40, 976..<1000]])
        #expect(context(9, 0) == [[]])
    }

    @Test func `a window's tokens are its context, a separator and its pieces, with their marks`() throws {
        let tokenizer = try TinyModel.tokenizer()
        let own = SourcePieces("Jazz and jazz", tokenizer, lineEnds: SourcePiecesTests.lineEnds)
        let source = SourcePieces("Playing jazz", tokenizer, lineEnds: SourcePiecesTests.lineEnds)
        var ids: [Int32] = [], marks: [UInt8] = []
        let window = SourceWindow(pieces: 1..<3, owned: 1..<3, context: [0..<1, 2..<3])
        window.append(source, own: own, tokenizer.vocabulary, to: &ids, &marks)
        #expect(ids == [2, 9, 9, 3, 8, 9, 3])
        #expect(marks == [0, 5, 4, 4, 2, 0, 0])
        #expect(window.first == 4 && window.tokens == 7)
    }
}
