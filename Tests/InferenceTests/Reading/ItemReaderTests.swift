import Contracts
import Testing

@testable import Inference

/// Compares the item reader with the training side, on requests of every kind.
struct ItemReaderTests {
    static let folder = "\(Golden.folder)/reader"

    private func lines() throws -> [Golden.Request] { try Golden.lines("reader.jsonl", as: Golden.Request.self) }

    @Test func `pieces, their marks and their places equal the reference's`() throws {
        let reader = try ItemReader(directory: Self.folder)
        #expect(try lines().allSatisfy { $0.state == reader.stateFingerprint }, "the file is this reader's")
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
        #expect(differences.count > 2500)
        #expect(differences[differences.count / 2] < GoldenTests.tolerance.median)
        #expect(differences[differences.count * 9 / 10] < GoldenTests.tolerance.nineInTen)
        #expect(differences[differences.count - 1] < GoldenTests.tolerance.worst)
    }

    private static func texts(_ dice: inout Dice, most: Int) -> [String] {
        (0..<Int.random(in: 0...3, using: &dice)).map { _ in
            EncoderTests.text(words: Int.random(in: 0...most, using: &dice), &dice).replacing(" q", with: "\nQ")
        }
    }

    @Test func `a request is read the same alone and among others, and by one that shares the weights`() throws {
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0) }
        var dice = Dice(31)
        let requests = (0..<30).map { _ in Self.texts(&dice, most: 120) }
        let together = try reader.read(requests)
        #expect(together == (try requests.map { try reader.read([$0])[0] }))
        #expect(together == (try ItemReader(sharing: reader).read(requests)))
        #expect(together.map(\.count) == requests.map(\.count))
        #expect(together.joined().contains { $0.items.count > 5 && $0.inputTokens > 3 * 48 })
    }

    @Test func `items are parts of their source, apart from each other, with a score for each route`() throws {
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0) }
        var dice = Dice(37)
        let sources = (0..<30).flatMap { _ in Self.texts(&dice, most: 120) }
        for (source, reading) in zip(sources, try reader.read([sources])[0]) {
            var end = 0
            for item in reading.items {
                #expect(end <= item.range.lowerBound && !item.range.isEmpty)
                #expect(item.range.upperBound <= source.utf8.count)
                #expect(0...1 ~= item.certainty && item.logits.count == 2 && item.state.count == 64)
                end = item.range.upperBound
            }
        }
    }

    @Test(arguments: [[], [[]], [[""]], [[" ", "\t"]], [[], [""], []]] as [[[String]]])
    func `a source without pieces is read at no cost`(requests: [[String]]) throws {
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0) }
        let nothing = SourceReading(items: [], inputTokens: 0, flops: 0)
        #expect(try reader.read(requests) == requests.map { $0.map { _ in nothing } })
    }

    @Test func `a source costs what its windows, its tags and its routes do`() throws {
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0) }
        let text = String(repeating: "jazz ", count: 60)
        let reading = try reader.read([["jazz and jazz", text]])[0]
        // [CLS], three pieces and [SEP]. Then 42 pieces behind these, and the last 40. Two layers, 60 tags, two routes.
        #expect(reading.map(\.inputTokens) == [5, 48 + 46])
        let layers = [48, 46].reduce(0) { $0 + $1 * 2 * (16_384 + 12_288 + 128 * $1) }
        #expect(reading[1].flops == Int64(2 * (layers + 64 * (60 * 3 + reading[1].items.count * 2))))
    }
}
