import BuiltInCatalog
import Contracts
import Testing

@testable import Inference

/// What becomes of texts that a model was not made for.
struct GuardTests {
    private static let route = EncoderTests.clauseType

    /// The way out of a text, and whether the guard there does not know it, by the plain arithmetic.
    private func expected(
        _ ids: [Int32], _ head: ModelCard.Head, _ reference: ReferenceEncoder
    ) -> (exit: Int, isUnfamiliar: Bool)? {
        let points =
            head.exits.map { ("exits.\($0.layers).\(head.route)", $0.layers) } + [("heads.\(head.route)", head.layers)]
        for (number, (name, layers)) in points.enumerated() {
            let confidence = head.decide(reference.logits(ids, name, layers: layers)).confidence
            let unfamiliarity = reference.logits(ids, "guards.\(name)", layers: layers)[0]
            // What lies at a bound may fall on either side.
            if abs(confidence - TinyModel.leavesFrom) < 5e-3 || abs(unfamiliarity) < 5e-3 { return nil }
            if number == head.exits.count || confidence >= TinyModel.leavesFrom && unfamiliarity <= 0 {
                return (number, unfamiliarity > 0)
            }
        }
        return nil
    }

    @Test func `an unfamiliar text does not leave early, and is never sure`() throws {
        let tiny = TinyModel().guarded(), reference = ReferenceEncoder(model: tiny)
        try tiny.written { folder in
            let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
            let head = try #require(model.card.head(Self.route))
            var dice = Dice(17), seen: [Bool: Set<Int>] = [:]
            let texts = (0..<120).map { _ in EncoderTests.text(words: Int.random(in: 0...12, using: &dice), &dice) }
            let predictions = try model.predict(texts, as: Self.route)
            let exits = try model.read(texts, as: Self.route).encoder.exits
            for (index, text) in texts.enumerated() {
                let ids = model.tokenizer.encode(text, maxTokens: head.maxTokens), prediction = predictions[index]
                guard let (exit, isUnfamiliar) = expected(ids, head, reference) else { continue }
                #expect(exits[index] == exit && prediction.isUnfamiliar == isUnfamiliar, "text \(index)")
                #expect(prediction.certainty == (isUnfamiliar ? 0 : prediction.confidence))
                #expect(!(isUnfamiliar && prediction.isSure) && prediction.confidence > 0)
                seen[isUnfamiliar, default: []].insert(exit)
            }
            #expect(seen == [false: [0, 1, 2], true: [2]])
        }
    }

    @Test func `a long text is unfamiliar if one of its windows is`() throws {
        try TinyModel().guarded().written { folder in
            let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
            var dice = Dice(29), seen: Set<[Bool]> = []
            for _ in 0..<40 {
                let text = EncoderTests.text(words: 60, &dice)
                let reading = try model.read([text], as: Self.route).encoder
                let prediction = try model.predict([text], as: Self.route)[0]
                let isAny = reading.isUnfamiliar.contains(true)
                #expect(prediction.windows > 1 && prediction.isUnfamiliar == isAny)
                if isAny { #expect(prediction.certainty == 0 && !prediction.isSure) }
                seen.insert([isAny, reading.isUnfamiliar.allSatisfy(\.self)])
            }
            #expect(seen.contains([true, false]), "some windows are familiar and others are not")
        }
    }

    @Test func `a guard belongs to the version of its route, and to no other`() throws {
        func versions(_ model: TinyModel) throws -> [String] {
            try model.written { folder in
                let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
                return model.routes.map { model.identity(of: $0).version }
            }
        }
        let plain = try versions(TinyModel()), guarded = try versions(TinyModel().guarded())
        #expect(plain[0] != guarded[0] && plain[1] == guarded[1])
        for name in ["exits.0", "heads"] {
            var spoiled = TinyModel().guarded()
            TinyModel.spoil("guards.\(name).\(Self.route).bias")(&spoiled)
            #expect(try versions(spoiled)[0] != guarded[0])
        }
    }

    @Test(arguments: ["heads", "exits.1"]) func `a head that has no guard where its card says so is refused`(
        point: String
    ) throws {
        var model = TinyModel().guarded()
        model.file.tensors.removeAll { $0.name == "guards.\(point).\(Self.route).weight" }
        try model.written { folder in
            _ = #expect(throws: ArtifactError.self) { try EncoderClassifier(directory: folder, catalog: .builtIn) }
        }
    }
}
