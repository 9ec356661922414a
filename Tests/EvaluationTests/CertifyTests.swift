import BuiltInCatalog
import Certification
import Contracts
import Inference
import JSON
import Models
import TestKit
import Testing

@testable import Evaluation

struct CertifyTests {
    private static let route = Route(.legalServices, "clause-type")

    /// Both models give all items the same label, except every `period`th, of which the small model is less sure.
    private func items(_ count: Int, isLabelled: Bool = true) -> [LabelledItem] {
        (0..<count).map { LabelledItem(route: Self.route, text: "item \($0)", label: isLabelled ? "x" : nil) }
    }

    private func models(period: Int) -> (small: ScriptedClassifier, full: ScriptedClassifier) {
        @Sendable func differs(_ text: String) -> Bool { Int(text.dropFirst(5)).map { $0 % period == 0 } ?? false }
        return (
            ScriptedClassifier("small") { text, _ in
                .of(text, differs(text) ? "y" : "x", differs(text) ? 0.6 : 0.97)
            },
            ScriptedClassifier("full") { text, _ in .of(text, "x") }
        )
    }

    private func compare(_ count: Int, period: Int, isLabelled: Bool = true) async throws -> [Comparison] {
        let models = models(period: period)
        return try await Comparison.run(
            items(count, isLabelled: isLabelled), as: Self.route, small: models.small, full: models.full,
            tieShare: 1)
    }

    @Test func `both models are asked about every item, and labels say who was right`() async throws {
        let comparisons = try await compare(150, period: 10)
        #expect(comparisons.count == 150)
        let first = try #require(comparisons.first).observation
        #expect(
            first
                == Observation(
                    hash: ItemHash.of("item 0"), confidence: 0.6, agrees: false, right: .init(small: false, full: true))
        )
        #expect(comparisons.count { !$0.observation.agrees } == 15)
        #expect(try await compare(3, period: 2, isLabelled: false).allSatisfy { $0.observation.right == nil })
    }

    @Test(arguments: [(1.0, 15), (0.4, 0)])
    func `a label that is nearly the full model's best agrees`(tieShare: Double, disagreements: Int) async throws {
        let undecided = ScriptedClassifier("full") { text, _ in
            var prediction = Prediction.of(text, "x")
            prediction.rivals = [.init(label: "y", share: 0.4)]
            return prediction
        }
        let comparisons = try await Comparison.run(
            items(150), as: Self.route, small: models(period: 10).small, full: undecided,
            tieShare: tieShare)
        #expect(comparisons.count { !$0.observation.agrees } == disagreements)
        // The label says which model was right, whatever either of them accepts.
        #expect(comparisons.count { $0.observation.right == .init(small: false, full: true) } == 15)
    }

    /// An endpoint tells no operations. As a number that is none, the saving made the certificate unreadable.
    @Test func `of a model whose operations are not known no saving is claimed, and the certificate can be read`()
        async throws
    {
        let promise = try #require(Promise(agreement: 0.99, confidence: 0.95))
        let known = try await compare(800, period: 4)
        let model = CertifiedModel(identity: ModelIdentity(name: "m", version: "1"), dataHashes: [])
        for (small, full) in [(1, 0), (0, 1), (0, 0)] as [(Int64, Int64)] {
            let comparisons = known.map {
                Comparison(
                    observation: $0.observation, smallFlops: small * $0.smallFlops, fullFlops: full * $0.fullFlops)
            }
            var generator = Seeded(1)
            let report = CertifyReport(
                comparisons, of: Self.route, promise: promise, small: model, full: model,
                source: .init(file: "items", sha256: "ab"), note: "a note", at: Timestamp(milliseconds: 1),
                using: &generator)
            let certificate = try #require(report.certificate)
            #expect(certificate.saving == nil && certificate.note == "a note")
            #expect(try Certificate(decoding: certificate.encode()) == certificate)
        }
    }

    @Test func `what the small model answers itself is left out where the middle one is certified`() async throws {
        let open = try await Comparison.open(
            items(8), under: .of(Self.route, acceptThreshold: 0.9), small: models(period: 4).small)
        #expect(open.map(\.text) == ["item 0", "item 4"])
    }

    @Test func `what an endpoint says of itself, or a fallback says, is certified for nothing`() async throws {
        let question = Question(task: "t", description: "Which?", kind: .labels([.init("x"), .init("y")]))
        for (evidence, model, expected) in [
            (Evidence.selfReported(0.9), "endpoint:e", 0), (.none, "endpoint:e", 0),
            (.measured(0.9), "endpoint:other", 0),
            (.measured(0.9), "endpoint:e", 0.9), (.sampled(agreeing: 3, of: 4), "endpoint:e", 0.75),
        ] as [(Evidence, String, Double)] {
            let small = EndpointClassifier(
                OneAnswer(evidence: evidence, by: model), asking: question, as: Self.route,
                identity: ModelIdentity(name: "endpoint:e", version: "fingerprint"))
            let comparisons = try await Comparison.run(
                items(2), as: Self.route, small: small, full: models(period: 2).full, tieShare: 1)
            #expect(comparisons.map(\.observation.confidence) == [expected, expected])
        }
    }

    @Test func `a certificate says what to expect, and whether the models were trained on the items`() async throws {
        let comparisons = try await compare(800, period: 4)
        let terms = 0.5
        let promise = try #require(Promise(agreement: 0.99, confidence: 0.95, tieShare: terms))
        guard case .certified(let certified) = Certifier(promise).certify(comparisons.map(\.observation)) else {
            Issue.record("refused")
            return
        }
        let card = try Tree.fullCard()
        let known = try #require(card.dataHashes.first)
        let model = CertifiedModel(
            identity: ModelIdentity(name: "full", version: "1"), dataHashes: card.dataHashes)
        for (hash, note) in [("new", nil), (known, Certificate.seenNote)] {
            var generator = Seeded(1)
            let certificate = Certificate(
                certified, of: promise, route: Self.route, small: model, full: model, comparisons: comparisons,
                source: .init(file: "items", sha256: hash), at: Timestamp(milliseconds: 1), using: &generator)
            #expect(certificate.note == note)
            #expect(certificate.escalationRate.value == 0.25)
            #expect(certificate.escalationRate.low < 0.25 && certificate.escalationRate.high > 0.25)
            // The small model costs as much as the full one here, so escalations lose money and nothing is saved.
            #expect((certificate.saving?.value ?? 0) < -0.2)
            #expect(certificate.tieShare == terms)
            #expect(certificate.alpha == 0.01 && certificate.delta == 0.05)
            #expect((0.6...0.97).contains(certificate.acceptThreshold))
            #expect(try Certificate(decoding: certificate.encode()) == certificate)
        }
    }

    @Test func `a refusal shows its figures, and what would help`() async throws {
        let promise = try #require(Promise(agreement: 0.99, confidence: 0.95))
        for (count, period, advice) in [
            (200, 1000, "suffice, or a better model"), (2000, 1, "Too few answers agree"),
        ] {
            let comparisons = try await compare(count, period: period)
            guard case .refused(let refusal) = Certifier(promise).certify(comparisons.map(\.observation)) else {
                Issue.record("certified")
                return
            }
            let report = CertifyReport(route: Self.route, promise: promise, result: .refused(refusal))
            let complaint = try #require(report.complaint)
            #expect(complaint.contains("no threshold keeps the promise"))
            #expect(complaint.contains(advice))
            var writer = JSONWriter()
            report.write(to: &writer)
            #expect(try JSONDocument.read(writer.bytes) { $0["certified"]?.bool } == false)
        }
    }
}

/// Says `x` to everything.
private struct OneAnswer: Model {
    let identity = ModelIdentity(name: "endpoint:e", version: "1")
    let evidence: Evidence
    let by: String

    func answer(
        _ inputs: [ModelInput], as question: Question, on ledger: (any CallLedger)?
    ) async throws -> [ModelOutput] {
        inputs.map { _ in
            ModelOutput(
                answer: .label("x"), evidence: evidence, model: ModelIdentity(name: by, version: "1"), attempts: [])
        }
    }
}
