import Contracts
import Inference
import MessageBus
import Settings
import TestKit
import Testing
import WorkerKit

struct SemanticUnderstandingWorkerTests {
    private static let route = Route(.semanticUnderstanding, "intent")
    /// What nobody would disagree about.
    private static let clear = [
        ("set a timer for ten minutes", "timer"),
        ("what is your name", "what_is_your_name"),
        ("what song is playing right now", "what_song"),
        ("how do i say good morning in french", "translate"),
        ("flip a coin for me", "flip_coin"),
    ]

    @Test func `it reads its capability's topic in a group of its own`() {
        var reader = SettingsReader(environment: [:])
        let settings = WorkerSettings(&reader, capability: .semanticUnderstanding)
        #expect(settings.service == "semantic-understanding-worker")
        #expect(settings.topic == "winnow.steps.semantic-understanding.v1")
        #expect(settings.group == "winnow.semantic-understanding-worker")
    }

    @Test func `its model answers every task of its capability and no other`() throws {
        let model = try EncoderClassifier(directory: Tree.model("semantic-understanding"))
        #expect(Set(model.routes) == Set(Route.requestable.filter { $0.capability == .semanticUnderstanding }))
    }

    @Test func `most clear cases are labelled as anybody would`() async throws {
        let model = try EncoderClassifier(directory: Tree.model("semantic-understanding"))
        let predictions = try await model.classify(Self.clear.map(\.0), as: Self.route)
        #expect(zip(predictions, Self.clear).count { $0.label == $1.1 } >= 3, "\(predictions.map(\.label))")
    }

    @Test func `what its model is sure of it answers, and nothing else`() async throws {
        let model = try EncoderClassifier(directory: Tree.model("semantic-understanding"))
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
