import Foundation
import Testing

@testable import Inference

/// From logits to an answer, against the README's formulas written out.
struct DecisionTests {
    @Test func `a single label's confidence is its probability at the head's temperature`() throws {
        let head = try Self.head("\"temperature\":2,\"kind\":\"single-label\",\"calibration\":{\"threshold\":0.6}")
        let (label, confidence) = head.decide([1, 4, 2])
        let expected = exp(2.0) / (exp(0.5) + exp(2.0) + exp(1.0))
        #expect(label == "b")
        #expect(abs(confidence - expected) < 1e-9)
        #expect(head.isSure(0.6))
        #expect(!head.isSure(0.5999))
    }

    @Test(arguments: [(Float(9), "b"), (Float(-9), "none of these")])
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
        let (label, confidence) = head.decide(logits)
        #expect(label == expected)
        #expect(abs(confidence - max(inside, outside)) < 1e-9)
        #expect(!head.isSure(1), "without a calibration nothing is sure")
    }

    @Test func `every label whose probability reaches its threshold is given`() throws {
        let head = try Self.multiLabel()
        #expect(head.decide([2, -1, 5]).label == "a,b")
        #expect(head.decide([-2, -9, 0]).label == "none")
        // 0.2 is the threshold of b: its logit is -1.386, so a score of -1 is 0.386 above it
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
