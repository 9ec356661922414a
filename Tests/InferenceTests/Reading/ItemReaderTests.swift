import Contracts
import Testing

@testable import Inference

/// Compares the item reader with the training side, on requests of every kind.
struct ItemReaderTests {
    static let folder = "\(Golden.folder)/reader"

    private func lines() throws -> [Golden.Request] { try Golden.lines("reader.jsonl", as: Golden.Request.self) }

    @Test func `pieces, their marks and their places equal the reference's`() throws {
        let reader = try ItemReader(directory: Self.folder, catalog: Catalog())
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
                directory: Self.folder, catalog: Catalog(), kernels: kernels,
                exactLibrary: exactLibrary && OneDNN.isExact)
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
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0, catalog: Catalog()) }
        var dice = Dice(31)
        let requests = (0..<30).map { _ in Self.texts(&dice, most: 120) }
        let together = try reader.read(requests)
        #expect(together == (try requests.map { try reader.read([$0])[0] }))
        #expect(together == (try ItemReader(sharing: reader, catalog: Catalog()).read(requests)))
        #expect(together.map(\.count) == requests.map(\.count))
        #expect(together.joined().contains { $0.items.count > 5 && $0.inputTokens > 3 * 48 })
    }

    @Test func `items are parts of their source, apart from each other, with a score for each route`() throws {
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0, catalog: Catalog()) }
        var dice = Dice(37)
        let sources = (0..<30).flatMap { _ in Self.texts(&dice, most: 120) }
        for (source, reading) in zip(sources, try reader.read([sources])[0]) {
            var end = 0
            for item in reading.items {
                #expect(end <= item.range.lowerBound && !item.range.isEmpty)
                #expect(item.range.upperBound <= source.utf8.count)
                #expect(0...1 ~= item.certainty && item.logits.count == 2 && item.prediction.inputTokens > 2)
                end = item.range.upperBound
            }
        }
    }

    @Test(arguments: [[], [[]], [[""]], [[" ", "\t"]], [[], [""], []]] as [[[String]]])
    func `a source without pieces is read at no cost`(requests: [[String]]) throws {
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0, catalog: Catalog()) }
        let absence = Prediction(label: "none", confidence: 1, isSure: true, inputTokens: 2, flops: 0)
        let nothing = SourceReading(items: [], absence: absence, inputTokens: 0, flops: 0)
        #expect(try reader.read(requests) == requests.map { $0.map { _ in nothing } })
    }

    @Test func `a source costs what its windows, its tags and its routes do`() throws {
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0, catalog: Catalog()) }
        let text = String(repeating: "jazz ", count: 60)
        let reading = try reader.read([["jazz and jazz", text]])[0]
        // [CLS], three pieces and [SEP]. Then 42 pieces behind these, and the last 40. Two layers, 60 tags, two routes.
        #expect(reading.map(\.inputTokens) == [5, 48 + 46])
        let layers = [48, 46].reduce(0) { $0 + $1 * 2 * (16_384 + 12_288 + 128 * $1) }
        #expect(reading[1].flops == Int64(2 * (layers + 64 * (60 * 3 + reading[1].items.count * 2))))
    }

    /// A reader that is sure of where an item is from this probability on.
    private static func reader(sureFrom: Double) throws -> ItemReader {
        var model = TinyModel.reader()
        model.card["reading"] = #"{"window":48,"stride":20,"context":8,"sureFrom":\#(sureFrom)}"#
        return try model.written { try ItemReader(directory: $0, catalog: Catalog()) }
    }

    @Test func `the head's rule says where an item belongs, and how sure that is`() throws {
        let reader = try TinyModel.reader().written { try ItemReader(directory: $0, catalog: Catalog()) }
        let head = reader.card.heads[0]
        var dice = Dice(41)
        let items = try reader.read((0..<20).map { _ in Self.texts(&dice, most: 120) }).joined().flatMap(\.items)
        for item in items {
            let (label, confidence, _) = head.decide(item.logits)
            #expect(item.prediction.label == label && item.prediction.confidence == confidence)
            #expect(item.prediction.certainty == confidence && item.prediction.isSure == (confidence >= 0.75))
            #expect(item.prediction.flops == 0)
        }
        #expect(Set(items.map(\.prediction.isSure)) == [true, false])
        #expect(Set(items.map(\.prediction.label)).count > 1)
    }

    @Test func `that an item fits no task has a bound of its own`() throws {
        var dice = Dice(41)
        let requests = (0..<30).map { _ in Self.texts(&dice, most: 120) }
        func items(_ model: TinyModel) throws -> [Prediction] {
            let reader = try model.written { try ItemReader(directory: $0, catalog: Catalog()) }
            return try reader.read(requests).joined().flatMap(\.items).map(\.prediction)
        }
        let none = try items(TinyModel.reader()).filter { $0.label == "none" }.map(\.confidence).sorted()
        try #require(none.count > 10)
        // One in the middle, so that some are below and some are not, and most of both are below the other bound.
        let bound = none[none.count / 2]
        var model = TinyModel.reader()
        TinyModel.replace(#"{"threshold":0.75}"#, #"{"threshold":0.75,"noRoute":{"threshold":\#(bound)}}"#)(&model)
        for prediction in try items(model) {
            #expect(prediction.isSure == (prediction.confidence >= (prediction.label == "none" ? bound : 0.75)))
        }
    }

    @Test func `an item that may be elsewhere is not sure, whatever its routes`() throws {
        var dice = Dice(41)
        let requests = (0..<20).map { _ in Self.texts(&dice, most: 120) }
        let plain = try TinyModel.reader().written { try ItemReader(directory: $0, catalog: Catalog()) }
        let items = try plain.read(requests).joined().flatMap(\.items)
        let sureFrom = items.map(\.certainty).sorted()[items.count / 2]
        let bounded = try Self.reader(sureFrom: sureFrom).read(requests).joined().flatMap(\.items)
        #expect(bounded.map(\.range) == items.map(\.range))
        for (item, before) in zip(bounded, items) {
            let isPlaced = item.certainty >= sureFrom
            #expect(item.prediction.isSure == (isPlaced && before.prediction.isSure))
            #expect(item.prediction.certainty == (isPlaced ? before.prediction.certainty : 0))
            #expect(item.prediction.label == before.prediction.label)
        }
        #expect(bounded.contains { !$0.prediction.isSure && $0.prediction.confidence >= 0.75 })
        #expect(bounded.contains { $0.prediction.isSure })
    }

    @Test(arguments: [nil, 1]) func `a source without items is as sure as its least sure tag`(sureFrom: Double?) throws
    {
        var model = TinyModel.reader()
        if let sureFrom {
            model.card["reading"] = #"{"window":48,"stride":20,"context":8,"sureFrom":\#(sureFrom)}"#
        }
        model.file.add("tags.bias", [3], [9, 0, 0] as [Float])
        let reader = try model.written { try ItemReader(directory: $0, catalog: Catalog()) }
        let reading = try reader.read([["playing jazz"]])[0][0]
        let absence = try #require(reading.absence)
        #expect(reading.items.isEmpty && absence.label == "none" && absence.inputTokens == 5)
        #expect(0.5 < absence.confidence && absence.confidence < 1)
        #expect(absence.isSure == (sureFrom == nil))
        #expect(absence.certainty == (sureFrom == nil ? absence.confidence : 0))
    }
}
