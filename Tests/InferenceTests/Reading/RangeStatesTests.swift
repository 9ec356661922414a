import Contracts
import Testing

@testable import Inference

/// The state of a part of a source.
struct RangeStatesTests {
    private let reader: ItemReader

    init() throws { reader = try TinyModel.reader().written { try ItemReader(directory: $0, catalog: Catalog()) } }

    private func state(_ sources: [String], _ source: Int = 0, _ range: Range<Int>) throws -> RangeState {
        try reader.states(of: [PlacedText(sources: sources, source: source, range: range)])[0]
    }

    private static func isNear(_ one: [Float], _ other: [Float]) -> Bool {
        one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) < 1e-4 }
    }

    /// What the head says of a state.
    private static func logits(_ state: [Float]) -> [Float] {
        func floats(_ name: String) -> [Float] {
            let bytes = TinyModel.reader().file["heads.decomposition/route.\(name)"]?.bytes ?? []
            return bytes.withUnsafeBytes { raw in
                (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
        }
        let weights = floats("weight")
        return floats("bias").enumerated().map { label, bias in
            state.indices.reduce(bias) { $0 + weights[label * state.count + $1] * state[$1] }
        }
    }

    @Test func `an item's range has the state that the head reads`() throws {
        var dice = Dice(41)
        let sources = (0..<3).map { _ in EncoderTests.text(words: 90, &dice).replacing(" q", with: "\nQ") }
        let readings = try reader.read([sources])[0]
        let texts = readings.enumerated().flatMap { source, reading in
            reading.items.map { PlacedText(sources: sources, source: source, range: $0.range) }
        }
        let items = readings.flatMap(\.items)
        #expect(items.count > 10)
        for (item, state) in zip(items, try reader.states(of: texts)) {
            #expect(Self.isNear(item.logits, Self.logits(try #require(state.state))))
        }
    }

    @Test func `a part of several windows has the mean of its pieces, without line ends at its ends`() throws {
        let own = String(repeating: "jazz and ", count: 10)
        let text = "\n\n" + String(repeating: "Play, jazz\n and ", count: 20) + "\n"
        let pieces = try #require(reader.pieces(of: [own, text]).last)
        let states = try reader.states(
            of: pieces.places.map {
                PlacedText(sources: [own, text], source: 1, range: Int($0.start)..<Int($0.end))
            })
        // The first piece and the last are line ends.
        #expect(states.map { $0.state == nil } == pieces.places.indices.map(pieces.isLineEnd))
        let whole = try state([own, text], 1, 0..<text.utf8.count)
        #expect(whole.windows > 2 && whole.inputTokens > 100)
        let inner = 1..<pieces.count - 1
        let lineEnds = try inner.filter(pieces.isLineEnd).map { piece in
            // A line end between two pieces counts: what these two and it have, without what the two have.
            let around = Int(pieces.places[piece - 1].start)..<Int(pieces.places[piece + 1].end)
            let three = try #require(try state([own, text], 1, around).state)
            let before = try #require(states[piece - 1].state), after = try #require(states[piece + 1].state)
            return three.indices.map { 3 * three[$0] - before[$0] - after[$0] }
        }
        let all = states[inner].compactMap(\.state) + lineEnds
        #expect(all.count == inner.count)
        let mean = (0..<64).map { index in all.reduce(0) { $0 + $1[index] } / Float(all.count) }
        #expect(Self.isNear(try #require(whole.state), mean))
    }

    @Test func `only windows from which a piece has its state are read`() throws {
        // 60 pieces: 46 of them, then 37 from the 20th on and the last 20, each behind 8 pieces of context and [SEP].
        let text = String(repeating: "jazz ", count: 60)
        #expect(try state([text], 0, 0..<4).inputTokens == 48)
        #expect(try state([text], 0, 295..<299).inputTokens == 31)
        // The pieces 32 to 49: the first is the first window's, the last the third one's.
        #expect(try state([text], 0, 160..<249).windows == 3)
        #expect(try state([text], 0, 165..<244).inputTokens == 48)
        let all = try state([text], 0, 0..<300)
        #expect(all.inputTokens == 48 + 48 + 31 && !all.isTruncated)
        let products = [48, 48, 31].map { $0 * 2 * (16_384 + 12_288 + 128 * $0) }
        #expect(all.flops == Int64(2 * products.reduce(0, +)))
    }

    @Test(arguments: [0..<0, 3..<3, 4..<5, 5..<7, 40..<50])
    func `a range without pieces has no state, and costs nothing`(range: Range<Int>) throws {
        let nothing = RangeState(state: nil, inputTokens: 0, flops: 0, windows: 0)
        #expect(try state(["jazz \n\nand"], 0, range) == nothing)
    }

    @Test func `a piece belongs to each range that it overlaps`() throws {
        let whole = try state(["jazz and"], 0, 0..<4)
        #expect(whole.state != nil)
        #expect(try state(["jazz and"], 0, 0..<1) == whole && state(["jazz and"], 0, 3..<5) == whole)
        #expect(try state(["jazz and"], 0, 0..<6) != whole)
    }
}
