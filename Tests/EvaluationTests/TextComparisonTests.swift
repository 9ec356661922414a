import Certification
import Contracts
import Models
import Synchronization
import TestKit
import Testing

@testable import Evaluation

/// Both models' texts for calibration items, and what a judge says about them.
struct TextComparisonTests {
    /// A model that answers each text as a script says; `nil` for no answer.
    private final class Writer: Model {
        let identity: ModelIdentity
        /// The texts that a fallback answers.
        let fallback: Set<String>
        private let says: @Sendable (String) -> ModelOutput.Answer?
        private let asked = Mutex<[String]>([])

        init(
            _ name: String, fallback: Set<String> = [], _ says: @escaping @Sendable (String) -> ModelOutput.Answer?
        ) {
            identity = ModelIdentity(name: name, version: "1")
            self.fallback = fallback
            self.says = says
        }

        var texts: [String] { asked.withLock(\.self) }

        func answer(
            _ inputs: [ModelInput], as question: Question, on ledger: (any CallLedger)?
        ) async throws -> [ModelOutput] {
            let outputs = inputs.map { input -> ModelOutput? in
                guard case .text(let text, _) = input else { return nil }
                asked.withLock { $0.append(text) }
                let attempt = ModelAttempt(
                    model: identity, state: .answered, inputs: 1, startedAt: .now, usage: .zero,
                    reserved: .zero, cost: PicoDollars(3))
                let model = fallback.contains(text) ? ModelIdentity(name: "endpoint:spare", version: "1") : identity
                return says(text).map {
                    ModelOutput(answer: $0, evidence: .measured(0.9), model: model, attempts: [attempt])
                }
            }
            guard outputs.contains(where: { $0 == nil }) else { return outputs.compactMap(\.self) }
            var error = ModelError(.refused, "no", isRetriable: false)
            error.outputs = outputs
            throw error
        }
    }

    private static let route = Route(Capability(rawValue: "feedback"), "summary")

    private func classifier(_ model: Writer) -> EndpointClassifier {
        EndpointClassifier(
            model, asking: Question(task: "\(Self.route)", description: "Sums up.", kind: .text), as: Self.route,
            identity: model.identity)
    }

    private func run(
        _ texts: [String], small: Writer, full: Writer, judge: Writer? = nil
    ) async throws -> [Observation] {
        try await Comparison.run(
            texts.map { LabelledItem(route: Self.route, text: $0, label: nil) }, small: classifier(small),
            full: classifier(full), comparator: judge == nil ? .normalizedText : .judge, judge: judge.map(classifier)
        ).map(\.observation)
    }

    private let full = Writer("endpoint:big") { .text("Sum of \($0).") }

    @Test func `texts that are equal in form agree, and all are as sure as each other`() async throws {
        let small = Writer("endpoint:little") { .text($0 == "b" ? "something" : "sum of \($0)") }
        let found = try await run(["a", "b"], small: small, full: full)
        #expect(found.map(\.agrees) == [true, false])
        #expect(found.map(\.confidence) == [Certificate.confidenceOfTexts, Certificate.confidenceOfTexts])
    }

    @Test func `a judge is asked about those that differ in form, twice`() async throws {
        let small = Writer("endpoint:little") { .text($0 == "a" ? "Sum of a." : "About \($0).") }
        let judge = Writer("endpoint:fair") { .label($0.contains("About c") ? "different" : "same") }
        #expect(
            try await run(["a", "b", "c"], small: small, full: full, judge: judge).map(\.agrees) == [true, true, false])
        #expect(judge.texts.count == 4)
        let silent = Writer("endpoint:fair") { $0.contains("About c") ? .label("same") : nil }
        #expect(try await run(["b", "c"], small: small, full: full, judge: silent).map(\.agrees) == [false, true])
    }

    @Test func `what the full model does not answer is left out, and what the small one does not answer escalates`()
        async throws
    {
        let broken = Writer("endpoint:big") { $0 == "a" ? nil : .text("Sum of \($0).") }
        let small = Writer("endpoint:little") { $0 == "b" ? nil : .text("Sum of \($0).") }
        let found = try await run(["a", "b", "c"], small: small, full: broken)
        #expect(found.map(\.agrees) == [false, true])
        #expect(found.map(\.confidence) == [0, Certificate.confidenceOfTexts])
        let away = Writer("endpoint:big") { _ in nil }
        await #expect(throws: ModelError.self) { try await run(["a"], small: small, full: away) }
    }

    @Test func `the answers of a fallback are nobody's`() async throws {
        let texts = ["a", "b", "c"].map { LabelledItem(route: Self.route, text: $0, label: nil) }
        let small = Writer("endpoint:little", fallback: ["b"]) { _ in .label("x") }
        let full = Writer("endpoint:big", fallback: ["a"]) { _ in .label("x") }
        let found = try await Comparison.run(
            texts, as: Self.route, small: classifier(small), full: classifier(full), tieShare: 1)
        #expect(found.map(\.observation.agrees) == [false, true])
        #expect(found.map(\.observation.confidence) == [0, 0.9])
        #expect(try await run(["a", "b", "c"], small: small, full: full).map(\.agrees) == [false, true])
    }

    @Test func `a certificate of texts accepts all of them, or there is none`() throws {
        let promise = try #require(Promise(agreement: 0.8, confidence: 0.95, tieShare: 1))
        func finding(_ disagreements: Int) -> Finding {
            Certifier(promise).certify(
                (0..<200).map {
                    Observation(
                        hash: UInt64($0), confidence: Certificate.confidenceOfTexts, agrees: $0 >= disagreements)
                })
        }
        guard case .certified(let certified) = finding(10) else {
            Issue.record("not certified")
            return
        }
        #expect(certified.acceptThreshold <= Certificate.confidenceOfTexts)
        #expect(certified.tally.accepted == certified.items)
        guard case .refused = finding(60) else {
            Issue.record("certified")
            return
        }
    }
}
