import BuiltInCatalog
import Contracts
import Testing

@testable import Inference

/// Where an item belongs, by a model that reads it between what stands around it.
struct ItemContextTests {
    private static let clause = Route(.legalServices, "clause-type")

    private static func model() throws -> EncoderClassifier {
        try TinyModel.reader(answersTexts: true).written { try EncoderClassifier(directory: $0, catalog: .builtIn) }
    }

    /// Items of random texts with one to fifteen windows.
    private static func items(_ dice: inout Dice) -> [(text: String, context: ItemContext?)] {
        (0..<60).map { number in
            func text(_ words: Int) -> String {
                EncoderTests.text(words: Int.random(in: 0...words, using: &dice), &dice).replacing(" q", with: "\nQ")
            }
            guard number % 4 > 0 else { return (text(90), nil) }
            let request = number % 4 == 1 ? nil : text(60)
            return (text(number % 5 == 0 ? 300 : 20), ItemContext(before: text(60), after: text(60), request: request))
        }
    }

    @Test(arguments: [(Int32(0), true), (0, false), (1, false), (2, false)])
    func `the routes of any part of a request equal the reference's`(kernels: Int32, exactLibrary: Bool) async throws {
        guard
            let model = try? EncoderClassifier(
                directory: ItemReaderTests.folder, catalog: .builtIn, kernels: kernels,
                exactLibrary: exactLibrary && OneDNN.isExact)
        else {
            #expect(kernels > 0, "table 0 runs everywhere")
            return
        }
        var differences: [Float] = [], severalWindows = 0
        for request in try Golden.lines("reader.jsonl", as: Golden.Request.self) {
            let sources = request.sources.map(\.text)
            for (number, source) in request.sources.enumerated() {
                let parts = source.ranges.map {
                    PlacedText(sources: sources, source: number, range: $0.start..<$0.end)
                }
                let (states, logits) = try model.read(parts, mostWindows: .max)
                for (part, row) in zip(source.ranges, logits) {
                    #expect(row.count == part.logits.count)
                    differences += zip(row, part.logits).map { abs($0 - $1) / max(1, abs($1)) }
                }
                severalWindows += states.count { $0.windows > 1 }
            }
        }
        differences.sort()
        #expect(differences.count > 1200 && severalWindows > 10)
        #expect(differences[differences.count / 2] < GoldenTests.tolerance.median)
        #expect(differences[differences.count * 9 / 10] < GoldenTests.tolerance.nineInTen)
        #expect(differences[differences.count - 1] < GoldenTests.tolerance.worst)
    }

    @Test func `an item is read where it stands, behind the beginning of its request`() async throws {
        let model = try Self.model()
        let near = ItemContext(before: "Play jazz, ", after: "\nand jazz")
        var far = near
        far.request = "Unaffable"
        let predictions = try await model.classify(["Play", "Play", "Play"], in: [near, far, nil], as: .decomposition)
        let source = "Play jazz, Play\nand jazz"
        let expected = try model.predict(
            [
                PlacedText(sources: [source], source: 0, range: 11..<15),
                PlacedText(sources: ["Unaffable", source], source: 1, range: 11..<15),
                PlacedText(sources: ["Play"], source: 0, range: 0..<4),
            ], mostWindows: 16)
        #expect(predictions == expected)
        #expect(Set(predictions.map(\.confidence)).count == 3)
        // [CLS], play, jazz, a comma, the item, a line end, and, jazz, [SEP]. Then un, ##aff, ##able and [SEP] before.
        #expect(predictions.map(\.inputTokens) == [9, 13, 3])
        let layers = 9 * 2 * (16_384 + 12_288 + 128 * 9), head = 64 * 2
        #expect(predictions[0].flops == Int64(2 * (layers + head)))
        #expect(try model.predict(["Play"], as: .decomposition) == [expected[2]])
    }

    @Test func `a head that reads texts ignores what stands around them`() async throws {
        let model = try Self.model()
        let context = ItemContext(before: "Play ", after: " jazz", request: "and")
        let set = ClassifierSet(model, [:])
        #expect(
            try await set.classify(["jazz"], in: [context], as: Self.clause)
                == model.classify(["jazz"], as: Self.clause))
        #expect(
            try await set.classify(["jazz"], in: [context], as: .decomposition)
                == model.classify(["jazz"], in: [context], as: .decomposition))
        #expect(
            set.mostTokens(of: "jazz", in: context, as: Self.clause)
                == model.mostTokens(of: "jazz", in: nil, as: Self.clause))
    }

    @Test func `an item is routed the same alone and among others, for no more tokens than are reserved`() async throws
    {
        let model = try Self.model()
        var dice = Dice(47)
        let items = Self.items(&dice)
        let together = try await model.classify(items.map(\.text), in: items.map(\.context), as: .decomposition)
        for (item, prediction) in zip(items, together) {
            #expect(try await model.classify([item.text], in: [item.context], as: .decomposition) == [prediction])
            let most = model.mostTokens(of: item.text, in: item.context, as: .decomposition)
            #expect(prediction.inputTokens <= most && most <= 48 * Windows.mostPerText)
            #expect(prediction.isSure == (prediction.confidence >= 0.75 && !prediction.isTruncated))
        }
        #expect(together.contains { $0.windows > 5 } && together.contains(where: \.isSure))
        // A text of pieces of one byte takes as many tokens as are reserved.
        let text = String(repeating: ".", count: 40), context = ItemContext(before: "...", after: "..", request: "....")
        let exact = try await model.classify([text], in: [context], as: .decomposition)
        #expect(exact[0].inputTokens == model.mostTokens(of: text, in: context, as: .decomposition))
    }

    @Test func `an item of more windows than the maximum is never sure`() async throws {
        let model = try Self.model()
        func route(_ words: Int) async throws -> Prediction {
            let text = String(repeating: "jazz ", count: words)
            let context = ItemContext(before: "", after: "", request: "Play")
            let prediction = try await model.classify([text], in: [context], as: .decomposition)[0]
            #expect(prediction.inputTokens <= model.mostTokens(of: text, in: context, as: .decomposition))
            return prediction
        }
        // 44 pieces of a window follow [CLS], one piece, its [SEP], and precede [SEP]. Each further window begins 20 later.
        let whole = try await route(44 + 15 * 20), cut = try await route(44 + 15 * 20 + 1)
        #expect(whole.windows == 16 && !whole.isTruncated && whole.certainty == whole.confidence)
        #expect(cut.windows == 16 && cut.isTruncated && cut.certainty == 0 && !cut.isSure)
        #expect(cut.inputTokens == 48 * 16)
        #expect(try await route(20_000).windows == 16)
    }

    @Test(arguments: ["", " ", "\n \n"])
    func `an item without pieces belongs nowhere, and costs nothing`(text: String) async throws {
        let model = try Self.model()
        let context = ItemContext(before: "Play ", after: " jazz", request: "and")
        let nothing = Prediction(label: "none", confidence: 0, isSure: false, inputTokens: 0, flops: 0, windows: 0)
        #expect(try await model.classify([text, text], in: [context, nil], as: .decomposition) == [nothing, nothing])
    }
}
