import Contracts
import Testing

@testable import Inference

/// Compares the item reader with the training side, on requests of every kind.
struct ItemReaderTests {
    static let folder = "\(Golden.folder)/reader"

    private func lines() throws -> [Golden.Request] { try Golden.lines("reader.jsonl", as: Golden.Request.self) }

    @Test func `pieces, their marks and their places equal the reference's`() throws {
        let reader = try ItemReader(directory: Self.folder)
        for source in try lines().flatMap(\.sources) {
            let pieces = try #require(reader.pieces(of: [source.text]).first)
            #expect(pieces.ids == source.ids, "\(source.text.debugDescription)")
            #expect(pieces.marks.map(\.rawValue) == source.marks, "\(source.text.debugDescription)")
            #expect(pieces.places.map(\.start) == source.starts, "\(source.text.debugDescription)")
            #expect(pieces.places.map(\.end) == source.ends, "\(source.text.debugDescription)")
        }
    }

    @Test(arguments: [(Int32(0), true), (0, false), (1, false), (2, false)])
    func `items equal the reference's`(kernels: Int32, exactLibrary: Bool) throws {
        guard
            let reader = try? ItemReader(
                directory: Self.folder, kernels: kernels, exactLibrary: exactLibrary && OneDNN.isExact)
        else {
            #expect(kernels > 0, "table 0 runs everywhere")
            return
        }
        let lines = try lines(), readings = try reader.read(lines.map { $0.sources.map(\.text) })
        #expect(readings.map(\.count) == lines.map(\.sources.count))
        var differences: [Float] = []
        for (source, reading) in zip(lines.flatMap(\.sources), readings.joined()) {
            #expect(reading.inputTokens == source.inputTokens && reading.flops == source.flops)
            #expect(
                reading.items.map(\.range) == source.items.map { $0.start..<$0.end },
                "\(source.text.debugDescription)")
            for (item, expected) in zip(reading.items, source.items) {
                #expect(abs(item.certainty - expected.certainty) < 5e-3)
                differences += zip(item.logits, expected.logits).map { abs($0 - $1) / max(1, abs($1)) }
            }
        }
        differences.sort()
        #expect(differences.count > 3000)
        #expect(differences[differences.count / 2] < GoldenTests.tolerance.median)
        #expect(differences[differences.count * 9 / 10] < GoldenTests.tolerance.nineInTen)
        #expect(differences[differences.count - 1] < GoldenTests.tolerance.worst)
    }
}
