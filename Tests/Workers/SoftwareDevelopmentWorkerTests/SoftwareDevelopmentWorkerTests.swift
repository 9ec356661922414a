import Contracts
import Inference
import MessageBus
import Settings
import TestKit
import Testing
import WorkerKit

struct SoftwareDevelopmentWorkerTests {
    private static let route = Route(.softwareDevelopment, "issue-type")
    /// What nobody would disagree about.
    private static let clear = [
        (
            "Crash on startup: TypeError: cannot read properties of undefined. ### Steps to reproduce 1. Install 2. Start the app. ### Expected behavior It starts. ### Actual behavior It crashes.",
            "bug"
        ),
        (
            "Feature request: add a dark mode to the editor. ### Is your feature request related to a problem? It would be nice to have an option for it.",
            "feature"
        ),
        (
            "How can I use a custom loss with this API? I have read the documentation and I do not understand what I am supposed to pass. Can someone explain?",
            "question"
        ),
        (
            "Segmentation fault when opening a file. ### System information Ubuntu 20.04 ### Describe the current behavior Crashes with a stack trace. ### Standalone code to reproduce the issue",
            "bug"
        ),
        (
            "Please support exporting to PDF. ### Describe the solution you'd like A menu entry that exports the current document.",
            "feature"
        ),
    ]

    @Test func `it reads its capability's topic in a group of its own`() {
        var reader = SettingsReader(environment: [:])
        let settings = WorkerSettings(&reader, capability: .softwareDevelopment)
        #expect(settings.service == "software-development-worker")
        #expect(settings.topic == "winnow.steps.software-development.v1")
        #expect(settings.group == "winnow.software-development-worker")
    }

    @Test func `its model answers every task of its capability and no other`() throws {
        let model = try EncoderClassifier(directory: Tree.model("software-development"))
        #expect(Set(model.routes) == Set(Route.requestable.filter { $0.capability == .softwareDevelopment }))
    }

    @Test func `most clear cases are labelled as anybody would`() async throws {
        let model = try EncoderClassifier(directory: Tree.model("software-development"))
        let predictions = try await model.classify(Self.clear.map(\.0), as: Self.route)
        #expect(zip(predictions, Self.clear).count { $0.label == $1.1 } >= 3, "\(predictions.map(\.label))")
    }

    @Test func `what its model is sure of it answers, and nothing else`() async throws {
        let model = try EncoderClassifier(directory: Tree.model("software-development"))
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
