import Contracts
import Inference
import MessageBus
import Settings
import TestKit
import Testing
import WorkerKit

struct SecurityServicesWorkerTests {
    private static let route = Route(.securityServices, "payload")
    /// What nobody would disagree about.
    private static let clear = [
        ("1' union all select null,null,null--", "sql_injection"),
        ("1%' and pg_sleep(5) and '%'='", "sql_injection"),
        ("<script>alert(document.cookie)</script>", "cross_site_scripting"),
        ("../../../../etc/passwd", "path_traversal"),
        ("maria gonzalez", "benign"),
    ]

    @Test func `it reads its capability's topic in a group of its own`() {
        var reader = SettingsReader(environment: [:])
        let settings = WorkerSettings(&reader, capability: .securityServices)
        #expect(settings.service == "security-services-worker")
        #expect(settings.topic == "winnow.steps.security-services.v1")
        #expect(settings.group == "winnow.security-services-worker")
    }

    @Test func `its model answers every task of its capability and no other`() throws {
        let model = try EncoderClassifier(directory: Tree.model("security-services"))
        #expect(Set(model.routes) == Set(Route.requestable.filter { $0.capability == .securityServices }))
    }

    @Test func `most clear cases are labelled as anybody would`() async throws {
        let model = try EncoderClassifier(directory: Tree.model("security-services"))
        let predictions = try await model.classify(Self.clear.map(\.0), as: Self.route)
        #expect(zip(predictions, Self.clear).count { $0.label == $1.1 } >= 3, "\(predictions.map(\.label))")
    }

    @Test func `what its model is sure of it answers, and nothing else`() async throws {
        let model = try EncoderClassifier(directory: Tree.model("security-services"))
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
