import BuiltInCatalog
import Contracts
import Testing

@testable import Inference

/// Compares the fast encoder with the plain one on random models. Differences come from another order of summation,
/// sometimes amplified by an activation that is rounded in the other direction.
struct EncoderTests {
    static let shapes: [TinyModel.Shape] = [
        TinyModel.Shape(),
        TinyModel.Shape(layers: 1, hidden: 48, heads: 3, headSize: 16, feedForward: 32, positions: 20),
        TinyModel.Shape(layers: 1, hidden: 32, heads: 1, headSize: 48, feedForward: 64, positions: 70),
        TinyModel.Shape(layers: 0, hidden: 32, heads: 1, headSize: 32, feedForward: 32, positions: 16),
    ]
    static let clauseType = Route(.legalServices, "clause-type")

    @Test(arguments: shapes.indices, [Int32(0), 1, 2])
    func `logits equal the plain arithmetic on every kernel table`(shape: Int, kernels: Int32) throws {
        try compare(Self.shapes[shape], kernels: kernels, exactLibrary: OneDNN.isExact)
    }

    @Test(arguments: shapes.indices)
    func `logits equal the plain arithmetic where oneDNN is not exact`(shape: Int) throws {
        try compare(Self.shapes[shape], kernels: 0, exactLibrary: false)
    }

    @Test(arguments: [Int32(0), 1, 2])
    func `a text leaves at the first exit that is sure, with that exit's answer and its work`(kernels: Int32) throws {
        let tiny = TinyModel(), reference = ReferenceEncoder(model: tiny)
        try tiny.written { folder in
            guard
                let model = try? EncoderClassifier(
                    directory: folder, catalog: .builtIn, kernels: kernels, exactLibrary: false)
            else {
                #expect(kernels > 0, "table 0 runs everywhere")
                return
            }
            let head = try #require(model.card.head(Self.clauseType))
            var dice = Dice(17)
            let texts = (0..<80).map { _ in Self.text(words: Int.random(in: 0...12, using: &dice), &dice) }
            let predictions = try model.predict(texts, as: Self.clauseType)
            let exits = try model.read(texts, as: Self.clauseType).encoder.exits
            var seen: Set<Int> = []
            for (index, text) in texts.enumerated() {
                let ids = model.tokenizer.encode(text, maxTokens: head.maxTokens)
                let confidences = head.exits.map { exit in
                    head.decide(reference.logits(ids, "exits.\(exit.layers).\(head.route)", layers: exit.layers))
                        .confidence
                }
                // A confidence at the threshold may fall on either side.
                guard confidences.allSatisfy({ abs($0 - TinyModel.leavesFrom) > 5e-3 }) else { continue }
                let exit = confidences.firstIndex { $0 >= TinyModel.leavesFrom }
                #expect(exits[index] == exit ?? head.exits.count, "text \(index)")
                seen.insert(exits[index])
                let confidence =
                    exit.map { confidences[$0] }
                    ?? head.decide(reference.logits(ids, "heads.\(head.route)", layers: head.layers)).confidence
                #expect(abs(predictions[index].confidence - confidence) < 5e-3, "text \(index)")
                let layers = exit.map { head.exits[$0].layers } ?? head.layers
                #expect(
                    predictions[index].flops
                        == Int64(2 * (ids.count * layers * (28_672 + 128 * ids.count) + (exits[index] + 1) * 64 * 3)))
            }
            #expect(seen == [0, 1, 2], "every way out is met")
        }
    }

    @Test func `a text is answered the same alone and among others`() throws {
        try TinyModel().written { folder in
            let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
            var dice = Dice(3)
            let texts = (0..<60).map { _ in Self.text(words: Int.random(in: 0...40, using: &dice), &dice) }
            let together = try model.predict(texts, as: Self.clauseType)
            let alone = try texts.map { try model.predict([$0], as: Self.clauseType)[0] }
            #expect(together == alone)
        }
    }

    @Test func `callers on several threads get what one alone would`() async throws {
        let model = try TinyModel().written { try EncoderClassifier(directory: $0, catalog: .builtIn) }
        var dice = Dice(5)
        let texts = (0..<40).map { _ in Self.text(words: Int.random(in: 0...30, using: &dice), &dice) }
        let expected = try model.predict(texts, as: Self.clauseType)
        try await withThrowingTaskGroup(of: (Int, Prediction).self) { group in
            for (index, text) in texts.enumerated() {
                group.addTask { (index, try await model.classify([text], as: Self.clauseType)[0]) }
            }
            for try await (index, prediction) in group { #expect(prediction == expected[index]) }
        }
    }

    @Test(arguments: [true, false])
    func `two that share the weights compute side by side, each what one alone would`(exactLibrary: Bool) async throws {
        let model = try TinyModel().written {
            try EncoderClassifier(directory: $0, catalog: .builtIn, kernels: 0, exactLibrary: exactLibrary)
        }
        let twin = try EncoderClassifier(sharing: model)
        var dice = Dice(5)
        let texts = (0..<40).map { _ in Self.text(words: Int.random(in: 0...30, using: &dice), &dice) }
        let expected = try model.predict(texts, as: Self.clauseType)
        try await withThrowingTaskGroup(of: [Prediction].self) { group in
            for model in [model, twin] {
                group.addTask { try texts.map { try model.predict([$0], as: Self.clauseType)[0] } }
            }
            for try await predictions in group { #expect(predictions == expected) }
        }
    }

    @Test func `no texts give no predictions`() throws {
        try TinyModel().written { folder in
            let predictions = try EncoderClassifier(directory: folder, catalog: .builtIn).predict(
                [], as: Self.clauseType)
            #expect(predictions.isEmpty)
        }
    }

    @Test func `a route without a head is an error that names it`() throws {
        try TinyModel().written { folder in
            let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
            let error = #expect(throws: InferenceError.self) {
                try model.predict(["a"], as: Route(.securityServices, "payload"))
            }
            #expect(error?.code == .unknownRoute)
        }
    }

    @Test(arguments: [(6, 1, false), (7, 2, false), (50, 10, false), (81, 16, false), (82, 16, true), (5000, 16, true)])
    func `a prediction counts the tokens and the work of all its windows`(
        words: Int, windows: Int, isTruncated: Bool
    ) throws {
        try TinyModel().written { folder in
            let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
            let unfair = Route(.legalServices, "unfair-term")
            let text = String(repeating: "jazz ", count: words)
            let prediction = try model.predict([text], as: unfair)[0]
            #expect(prediction.windows == windows && prediction.isTruncated == isTruncated)
            #expect(prediction.inputTokens == 8 * windows)
            // 1 layer x (4 x 64 x 64 + 2 x 64 x 96 + 2 x 8 x 64) for each token, and 2 labels
            #expect(prediction.flops == Int64(2 * windows * (8 * (16_384 + 12_288 + 1_024) + 64 * 2)))
            #expect(model.card.flops(tokens: 8 * windows, route: unfair, windows: windows) == prediction.flops)
            // A piece of this text has four bytes, so more is reserved, but never more than the maximum number of
            // windows takes.
            let most = model.mostTokens(of: text, in: nil, as: unfair)
            #expect(prediction.inputTokens...8 * Windows.mostPerText ~= most)
        }
    }

    @Test func `an answer to a text that was cut is never sure`() throws {
        try TinyModel().written { folder in
            let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
            // The threshold of this head is one half, and windows with only one word give the same answer.
            func predict(_ words: Int) throws -> Prediction {
                try model.predict([String(repeating: "jazz ", count: words)], as: Self.clauseType)[0]
            }
            let (whole, cut) = (try predict(500), try predict(700))
            #expect(whole.confidence >= 0.5 && cut.confidence >= 0.5)
            #expect(!whole.isTruncated && whole.isSure)
            #expect(cut.isTruncated && !cut.isSure && cut.certainty == 0)
        }
    }

    @Test func `a long text is answered the same alone and among others`() throws {
        try TinyModel().written { folder in
            let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
            var dice = Dice(23)
            let texts = [3, 200, 0, 40, 900, 41, 5].map { Self.text(words: $0, &dice) }
            let together = try model.predict(texts, as: Self.clauseType)
            #expect(together == (try texts.map { try model.predict([$0], as: Self.clauseType)[0] }))
            #expect(together.map { $0.windows > 1 } == [false, true, false, true, true, true, false])
        }
    }

    private func compare(_ shape: TinyModel.Shape, kernels: Int32, exactLibrary: Bool) throws {
        let model = TinyModel(shape, seed: UInt64(shape.hidden)), reference = ReferenceEncoder(model: model)
        try model.written { folder in
            guard
                let fast = try? EncoderClassifier(
                    directory: folder, catalog: .builtIn, kernels: kernels, exactLibrary: exactLibrary)
            else {
                #expect(kernels > 0, "table 0 runs everywhere")
                return
            }
            var dice = Dice(11)
            let texts = (0..<9).map { Self.text(words: $0 * $0, &dice) }
            for head in fast.card.heads {
                let reading = try fast.read(texts, as: head.route, leavesEarly: false, mostWindows: 1)
                #expect(reading.lengths.max() == head.maxTokens)
                for (index, text) in texts.enumerated() {
                    let ids = fast.tokenizer.encode(text, maxTokens: head.maxTokens)
                    #expect(ids.count == reading.lengths[index])
                    let expected = reference.logits(ids, "heads.\(head.route)", layers: head.layers)
                    for (label, value) in expected.enumerated() {
                        let difference = abs(reading.encoder.logits[index * expected.count + label] - value)
                        #expect(difference < 5e-3, "text \(index) of \(ids.count) tokens, \(head.route), \(label)")
                    }
                }
            }
        }
    }

    static func text(words: Int, _ dice: inout Dice) -> String {
        (0..<words).map { _ in ["unaffable", "playing", "jazz", "q", "and", ","].randomElement(using: &dice) ?? "" }
            .joined(separator: " ")
    }
}
