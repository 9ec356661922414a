import Foundation
import Testing

@testable import Inference

/// Compares the rule from logits to an answer with the README's formulas.
struct DecisionTests {
    @Test func `a single label's confidence is its probability at the head's temperature`() throws {
        let head = try Self.head("\"temperature\":2,\"kind\":\"single-label\",\"calibration\":{\"threshold\":0.6}")
        let (label, confidence, _) = head.decide([1, 4, 2])
        let expected = exp(2.0) / (exp(0.5) + exp(2.0) + exp(1.0))
        #expect(label == "b")
        #expect(abs(confidence - expected) < 1e-9)
        #expect(head.isSure(0.6, of: "b"))
        #expect(!head.isSure(0.5999, of: "b"))
    }

    @Test(arguments: [(Float(9), "b"), (Float(5.6), "b"), (Float(4.6), "none of these"), (Float(-9), "none of these")])
    func `a gate answers when the energy is low`(logit: Float, expected: String) throws {
        let head = try Self.head(
            """
            "temperature":2,"kind":"single-label","gate":{"kind":"energy","temperature":0.5,"threshold":5,"scale":0.5,
            "label":"none of these"}
            """)
        let logits: [Float] = [logit - 2, logit, logit - 1]
        let energy = 0.5 * log(logits.reduce(0.0) { $0 + exp(Double($1) / 0.5) })
        let outside = 1 / (1 + exp(-(5 - energy) / 0.5))
        let inside = (1 - outside) / (exp(-1.0) + 1 + exp(-0.5))
        let (label, confidence, rivals) = head.decide(logits)
        #expect(label == expected)
        let probabilities = [
            ("a", inside * exp(-1.0)), ("b", inside), ("c", inside * exp(-0.5)), ("none of these", outside),
        ]
        let shares = probabilities.filter { $0.0 != label }.map { ($0.0, $0.1 / max(inside, outside)) }
        let near = shares.filter { $0.1 >= Prediction.leastShare }
        #expect(rivals.map(\.label) == near.map(\.0))
        #expect(zip(rivals, near).allSatisfy { abs($0.share - $1.1) < 1e-6 })
        #expect(abs(confidence - max(inside, outside)) < 1e-9)
        #expect(!head.isSure(1, of: "b"), "without a calibration nothing is sure")
    }

    @Test func `a label with a tenth of the best one's probability is a rival, and may count as good as that`() throws {
        let head = try Self.head("\"temperature\":2,\"kind\":\"single-label\"")
        let rivals = head.decide([0, 4, 3]).rivals
        #expect(rivals.map(\.label) == ["a", "c"])
        #expect(zip(rivals, [exp(-2.0), exp(-0.5)]).allSatisfy { abs($0.share - $1) < 1e-9 })
        #expect(head.decide([-1, 4, -1]).rivals.isEmpty)
        let prediction = Prediction(
            label: "b", confidence: 0.5, isSure: true, rivals: rivals, inputTokens: 3, flops: 1)
        #expect(prediction.accepts("b", from: 1) && prediction.accepts("b", from: 0.3))
        #expect(!prediction.accepts("c", from: 1) && !prediction.accepts("c", from: 0.61))
        #expect(prediction.accepts("c", from: 0.6))
        #expect(!prediction.accepts("a", from: 0.3) && !prediction.accepts("x", from: 0.1))
    }

    @Test func `every label whose probability reaches its threshold is given`() throws {
        let head = try Self.multiLabel()
        #expect(head.decide([2, -1, 5]).label == "a,b")
        #expect(head.decide([-2, -9, 0]).label == "none")
        // The threshold of b is 0.2, a logit of -1.386, so a score of -1 is 0.386 above it.
        let margin = -1 - log(0.2 / 0.8)
        #expect(abs(head.decide([2, -1, 5]).confidence - 1 / (1 + exp(-margin))) < 1e-6)
    }

    private static func multiLabel() throws -> ModelCard.Head {
        try head("\"temperature\":1,\"kind\":\"multi-label\",\"thresholds\":[0.5,0.2,0.9999]")
    }

    private static func head(_ members: String) throws -> ModelCard.Head {
        var model = TinyModel()
        model.card["heads"] = """
            [{"capability":"legal-services","task":"clause-type","labels":["a","b","c"],"maxTokens":9,\(members)}]
            """
        return try model.written { try ModelCard.load(directory: $0).heads[0] }
    }
}
