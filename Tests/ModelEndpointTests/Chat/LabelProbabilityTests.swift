import Foundation
import Testing

@testable import ModelEndpoint

/// The share of a label among the labels. The tokens are those of imaginary tokenizers.
@Suite struct LabelProbabilityTests {
    private typealias Alternative = TokenProbability.Alternative

    private func token(_ text: String, _ probability: Double, _ rest: KeyValuePairs<String, Double> = [:])
        -> TokenProbability
    {
        TokenProbability(
            bytes: Array(text.utf8), probability: probability,
            alternatives: [Alternative(bytes: Array(text.utf8), probability: probability)]
                + rest.map { Alternative(bytes: Array($0.key.utf8), probability: $0.value) })
    }

    /// The labels with a closing quotation mark, as in JSON.
    private func confidence(_ label: String, of labels: [String], at start: Int = 0, _ tokens: [TokenProbability])
        -> Double?
    {
        let texts = labels.map { Array("\($0)\"".utf8) }
        return labels.firstIndex(of: label).flatMap {
            LabelProbability.confidence(of: $0, at: start, among: texts, tokens: tokens)
        }
    }

    private func near(_ value: Double?, _ expected: Double) -> Bool { value.map { abs($0 - expected) < 1e-9 } ?? false }

    @Test func `tokens that begin no label do not count`() {
        let value = confidence("yes", of: ["yes", "no"], [token("yes", 0.6, ["no": 0.2, "maybe": 0.2])])
        #expect(near(value, 0.75))
    }

    @Test func `the first token that tells the labels apart decides, and then the rest`() {
        let tokens = [token("re", 0.8, ["other": 0.2]), token("fund", 0.9, ["turn": 0.1]), token("\"", 1)]
        #expect(near(confidence("refund", of: ["refund", "return", "other"], tokens), 0.8 * 0.9))
    }

    @Test func `other ways to write the same label count for it`() {
        let tokens = [token("refund", 0.5, ["ref": 0.2, "ret": 0.3]), token("\"", 1)]
        #expect(near(confidence("refund", of: ["refund", "return"], tokens), 0.7))
    }

    @Test func `a beginning that leaves open which label follows counts against the written one`() {
        let tokens = [token("ref", 0.6, ["re": 0.3, "ret": 0.1])]
        #expect(near(confidence("refund", of: ["refund", "return"], tokens), 0.6))
        // Where the written token leaves it open as well, the rest decides about both.
        let open = [token("re", 0.6, ["r": 0.4]), token("fund", 0.5, ["turn": 0.5])]
        #expect(near(confidence("refund", of: ["refund", "return"], open), 0.5))
    }

    @Test func `a label that begins another one is told apart by its end`() {
        let tokens = [token("bug", 1), token("\"}", 0.7, ["-report": 0.3])]
        #expect(near(confidence("bug", of: ["bug", "bug-report"], tokens), 0.7))
    }

    @Test func `a label that no listed token begins is at most as probable as the least probable one`() {
        let tokens = [token("a", 0.9, ["b": 0.02])]
        #expect(near(confidence("a", of: ["a", "b", "c", "d"], tokens), 0.9 / (0.92 + 0.04)))
        // Never more than what the listed tokens leave.
        let sure = [token("a", 0.97, ["b": 0.02])]
        #expect(near(confidence("a", of: ["a", "b", "c", "d", "e"], sure), 0.97 / (0.99 + 0.01)))
    }

    @Test func `a token that a grammar forced does not bound what the list lacks`() {
        func forced(_ alternatives: [Alternative]) -> [TokenProbability] {
            [TokenProbability(bytes: Array("a".utf8), probability: 0.01, alternatives: alternatives)]
        }
        let other = Alternative(bytes: Array("x".utf8), probability: 0.04)
        #expect(near(confidence("a", of: ["a", "b", "c"], forced([other])), 0.01 / (0.01 + 2 * 0.04)))
        // Without a list, the other labels may have all the rest.
        #expect(near(confidence("a", of: ["a", "b", "c"], forced([])), 0.01))
    }

    @Test func `the first token may begin before the label, and the last one end after it`() {
        let tokens = [token("{\"label\":", 1), token("\"yes\"}", 0.8, ["\"no": 0.2, "\"": 0])]
        #expect(near(confidence("yes", of: ["yes", "no"], at: 10, tokens), 0.8))
    }

    @Test func `a token may be a part of a character`() {
        let accent = Array("é".utf8)
        let tokens = [
            TokenProbability(
                bytes: [accent[0]], probability: 0.9,
                alternatives: [Alternative(bytes: Array("b".utf8), probability: 0.1)]),
            TokenProbability(bytes: [accent[1]], probability: 1, alternatives: []),
        ]
        #expect(near(confidence("é", of: ["é", "b"], tokens), 0.9))
    }

    @Test func `tokens that do not hold the label tell nothing`() {
        #expect(confidence("yes", of: ["yes", "no"], [token("maybe", 1)]) == nil)
        #expect(confidence("yes", of: ["yes", "no"], at: 9, [token("yes", 1)]) == nil)
        #expect(confidence("refund", of: ["refund", "return"], [token("re", 1)]) == nil)
        #expect(confidence("yes", of: ["yes", "no"], [token("yes", 0, ["no": 0])]) == nil)
        #expect(confidence("yes", of: ["yes", "no"], []) == nil)
    }

    @Test func `the only label is certain`() {
        #expect(confidence("yes", of: ["yes"], [token("yes", 0.1)]) == 1)
    }
}
