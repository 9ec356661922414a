import BuiltInCatalog
import Contracts
import Inference
import MessageBus
import Planning
import Telemetry
import TestKit
import Testing
import WorkerKit

/// Items in a language that the model was not cut for.
extension StepHandlerTests {
    private static let german = "Keine Partei darf diesen Vertrag ohne Zustimmung abtreten."
    private static let english = "Neither party may assign this agreement without consent."

    private func handle(
        _ items: [String], full: [String] = [], _ model: ScriptedClassifier? = nil
    ) async throws -> [OutgoingRecord] {
        let capabilities = Catalog.builtIn.capabilities.map { capability in
            var capability = capability
            capability.fullLanguages = full
            return capability
        }
        let handler = StepHandler(
            service: "legal-services-worker", classifier: model ?? classifier,
            certificates: KnownCertificates(acceptThreshold: 0.9), counterfactual: try Tree.counterfactual(),
            draw: ShadowDraw(1), catalog: Catalog(capabilities), metrics: metrics)
        return try await handler.handle([
            .step(
                StepCommand(step: 2, route: Self.clause, items: items), of: id,
                expiry: .now.adding(milliseconds: 60_000))
        ])
    }

    @Test func `an item in another language is answered so, and the model is asked only about the others`()
        async throws
    {
        let records = try await handle([Self.german, Self.english])
        #expect(records.map(\.topic) == [Topic.outcomes(.interactive), Topic.shadows])
        let outcome = try #require(try records.first?.outcome())
        #expect(outcome.answers.map { $0?.label } == ["unsupported_language", "clause-type of \(Self.english)"])
        let answer = try #require(outcome.answers.first ?? nil)
        #expect(answer.decidedBy == .worker && answer.evidence == .none && !answer.evidence.isCertifiable)
        #expect(classifier.calls.flatMap(\.texts) == [Self.english])
        // The attempt is about what the model has read: no cost and no saving come from the other item.
        #expect(outcome.attempts.map(\.items) == [1])
        #expect(outcome.attempts.map(\.counterfactual.inputTokens) == [Int64(Self.english.count)])
        // It is never compared either.
        #expect(try records.last?.shadow().items.map(\.index) == [1])
        let text = metrics.render()
        let counter = #"winnow_items_other_language_total{capability="legal-services",language="de",verdict="#
        #expect(text.contains(counter + #""unsupported"} 1"#), "\(text)")
        #expect(text.contains("\nwinnow_items_answered_total 1\n"))
    }

    @Test func `a step with no other items costs nothing`() async throws {
        let outcome = try #require(try await handle([Self.german, Self.german]).first?.outcome())
        #expect(outcome.state == .answered && outcome.answers == [.inUnsupportedLanguage, .inUnsupportedLanguage])
        #expect(outcome.attempts.isEmpty && classifier.calls.isEmpty)
    }

    @Test func `what only the full model understands goes there without a guess`() async throws {
        let escalation = try #require(try await handle([Self.english, Self.german], full: ["de"]).first?.escalation())
        #expect(escalation.open == [.init(index: 1, text: Self.german, guess: nil)])
        #expect(escalation.answers.map { $0?.label } == ["clause-type of \(Self.english)", nil])
        #expect(escalation.attempts.map(\.items) == [1] && classifier.calls.flatMap(\.texts) == [Self.english])
        // The escalator counts it, since it decides.
        #expect(!metrics.render().contains("winnow_items_other_language_total{"))
    }

    @Test func `a step that the model fails on keeps its verdicts`() async throws {
        let failing = ScriptedClassifier(routes: [Self.clause]) { _, _ in throw InferenceError(.invalidAnswer, "no") }
        let escalation = try #require(try await handle([Self.german, Self.english], failing).first?.escalation())
        #expect(escalation.open == [.init(index: 1, text: Self.english, guess: nil)])
        #expect(escalation.answers == [.inUnsupportedLanguage, nil])
        #expect(escalation.attempts.map(\.state) == [.failed] && escalation.attempts.map(\.items) == [1])
    }
}
