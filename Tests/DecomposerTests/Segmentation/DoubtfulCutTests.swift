import BuiltInCatalog
import Contracts
import Delivery
import Inference
import TestKit
import Testing
import WorkerKit

@testable import Decomposer

/// Sentences with a cut that the splitter is not sure of.
struct DoubtfulCutTests {
    private static let intent = "semantic-understanding/intent"
    private static let clause = "legal-services/clause-type"
    private static let text = "Play jazz and the blues."

    private static func catalog(_ decomposition: DecompositionDescription) -> Catalog {
        Catalog(Catalog.builtIn.capabilities, decomposition: decomposition)
    }

    /// The splitter cuts at “and” with a confidence of 0.7.
    private func plan(
        _ decomposition: DecompositionDescription, _ label: String = intent, _ text: String = text
    ) async throws -> Decomposition {
        let router = ScriptedClassifier("router", routes: [.decomposition]) { text, _ in
            Prediction.of(text, label, 0.9, isSure: true)
        }
        let segmenter = Segmenter { sentence -> (parts: [Range<String.Index>], confidence: Double) in
            guard let cut = sentence.firstRange(of: " and ") else {
                return ([sentence.startIndex..<sentence.endIndex], 1)
            }
            return ([sentence.startIndex..<cut.lowerBound, cut.upperBound..<sentence.endIndex], 0.7)
        }
        let planner = Planner(segmenter: segmenter, router: router, counterfactual: try Tree.counterfactual())
        let request = Request(eventID: "e", channel: .human, text: text)
        return try #require(try await planner.plans(for: [request], catalog: Self.catalog(decomposition)).first).get()
    }

    private func texts(_ plan: Decomposition) -> [[String]] { plan.steps.map { $0.items.map(\.text) } }

    @Test func `an endpoint is asked about the whole sentence if the catalog says so`() async throws {
        let plan = try await plan(DecompositionDescription(full: "endpoint:big", splitBelow: 0.8))
        #expect(texts(plan) == [[Self.text]])
        #expect(plan.steps.map(\.route) == [.decomposition])
        #expect(plan.steps.map(\.state) == [.dispatched])
        #expect(plan.steps[0].answers == [nil])
        #expect(plan.steps[0].guesses.map { $0?.label } == [Self.intent])
    }

    @Test(arguments: [
        DecompositionDescription(), DecompositionDescription(full: "endpoint:big"),
        DecompositionDescription(full: "endpoint:big", splitBelow: 0.7),
    ])
    func `the splitter's cut stands otherwise`(decomposition: DecompositionDescription) async throws {
        let plan = try await plan(decomposition)
        #expect(texts(plan) == [[], ["Play jazz", "the blues."]])
    }

    @Test func `a sentence that is one clause for sure is not cut by anybody`() async throws {
        let plan = try await plan(DecompositionDescription(full: "endpoint:big", splitBelow: 0.8), Self.clause)
        #expect(texts(plan) == [[], [Self.text]])
    }

    @Test func `other sentences of the text go their way`() async throws {
        let plan = try await plan(
            DecompositionDescription(full: "endpoint:big", splitBelow: 0.8), Self.intent, "Dim the lights. " + Self.text
        )
        #expect(texts(plan) == [[Self.text], ["Dim the lights."]])
    }

    @Test func `what an endpoint alone would have read for a text that fits nothing is the text`() async throws {
        let plain = try await plan(DecompositionDescription(), "none", "Hello there.")
        let plan = try await plan(DecompositionDescription(full: "endpoint:big"), "none", "Hello there.")
        #expect(plan.attempt?.counterfactual.inputTokens == plain.attempt?.counterfactual.inputTokens)
        #expect(plan.attempt?.counterfactual.flops == 0)
        #expect(plan.attempt?.counterfactual.outputTokens == 1)
    }
}
