import Contracts
import Inference
import MessageBus
import Settings
import TestKit
import Testing
import WorkerKit

struct LegalServicesWorkerTests {
    private static let route = Route(.legalServices, "clause-type")
    /// What nobody would disagree about.
    private static let clear = [
        (
            "Either party may terminate this agreement for any reason by giving ninety days written notice.",
            "termination_for_convenience"
        ),
        (
            "This Agreement shall be governed by and construed in accordance with the laws of the State of New York.",
            "governing_law"
        ),
        (
            "Neither party may assign this Agreement without the prior written consent of the other party.",
            "anti_assignment"
        ),
        (
            "Each party shall maintain commercial general liability insurance of at least one million dollars per occurrence.",
            "insurance"
        ),
        ("Licensor may audit the books and records of Licensee once a year upon reasonable notice.", "audit_rights"),
    ]

    @Test func `it reads its capability's topic in a group of its own`() {
        var reader = SettingsReader(environment: [:])
        let settings = WorkerSettings(&reader, capability: .legalServices)
        #expect(settings.service == "legal-services-worker")
        #expect(settings.topic == "winnow.steps.legal-services.v1")
        #expect(settings.group == "winnow.legal-services-worker")
    }

    @Test func `its model answers every task of its capability and no other`() throws {
        let model = try EncoderClassifier(directory: Tree.model("legal-services"))
        #expect(Set(model.routes) == Set(Route.requestable.filter { $0.capability == .legalServices }))
    }

    @Test func `most clear cases are labelled as anybody would`() async throws {
        let model = try EncoderClassifier(directory: Tree.model("legal-services"))
        let predictions = try await model.classify(Self.clear.map(\.0), as: Self.route)
        #expect(zip(predictions, Self.clear).count { $0.label == $1.1 } >= 3, "\(predictions.map(\.label))")
    }

    @Test func `what its model is sure of it answers, and nothing else`() async throws {
        let model = try EncoderClassifier(directory: Tree.model("legal-services"))
        let head = try #require(model.card.head(Self.route))
        let texts = Self.clear.map(\.0)
        let predictions = try await model.classify(texts, as: Self.route)
        let answers = try await Capable.answers(of: model, to: texts, as: Self.route)
        #expect(answers.count == texts.count)
        for (answer, prediction) in zip(answers, predictions) {
            // Without a threshold that was calibrated nothing is sure.
            let isSure = head.sureFrom.map { prediction.confidence >= $0 } ?? false
            let expected = Answer(
                label: prediction.label, confidence: (prediction.confidence * 1e6).rounded() / 1e6, decidedBy: .worker,
                model: "\(model.identity)")
            #expect(answer == (isSure ? expected : nil))
        }
    }
}
