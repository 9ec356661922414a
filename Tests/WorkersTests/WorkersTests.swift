import BuiltInCatalog
import Contracts
import Inference
import MessageBus
import Settings
import TestKit
import Testing
import WorkerKit

/// Tests every capability's worker with its shipped model.
struct WorkersTests {
    @Test(arguments: Catalog.builtIn.capabilities.map(\.name))
    func `it reads its capability's topics, each in a group of its own`(_ capability: Capability) throws {
        var reader = SettingsReader(environment: [:])
        let settings = try WorkerSettings(&reader, capability: capability)
        #expect(settings.service == "\(capability)-worker")
        #expect(settings.topic(.interactive) == "winnow.steps.\(capability).v1")
        #expect(settings.group(.interactive) == "winnow.\(capability)-worker")
        #expect(settings.topic(.bulk) == "winnow.bulk-steps.\(capability).v1")
        #expect(settings.group(.bulk) == "winnow.\(capability)-worker.bulk")
    }

    @Test(arguments: Catalog.builtIn.capabilities.map(\.name))
    func `its model answers every task of its capability and no other`(_ capability: Capability) throws {
        let model = try Self.model(of: capability)
        #expect(Set(model.routes) == Set(Catalog.builtIn.routes.filter { $0.capability == capability }))
    }

    @Test(arguments: Catalog.builtIn.routes)
    func `clear cases get the label that everybody would give`(_ route: Route) async throws {
        let clear = try #require(ClearCases.of[route])
        let predictions = try await Self.model(of: route.capability).classify(clear.texts, as: route)
        #expect(predictions.map(\.label) == clear.labels)
    }

    @Test(arguments: Catalog.builtIn.routes)
    func `it answers only what its certificate covers`(_ route: Route) async throws {
        let model = try Self.model(of: route.capability)
        let models = try Self.pair(of: route)
        let certificate = try Tree.certificates(of: route.capability).first {
            $0.route == route && $0.covers(models)
        }
        let texts = try #require(ClearCases.of[route]).texts
        let predictions = try await model.classify(texts, as: route)
        let answers = try await Capable.answers(
            of: model, acceptThreshold: certificate?.acceptThreshold, to: texts, as: route)
        #expect(answers.count == texts.count)
        for (answer, prediction) in zip(answers, predictions) {
            let isSure = certificate.map { prediction.confidence >= $0.acceptThreshold } ?? false
            let expected = Answer(
                .label(prediction.label), confidence: (prediction.confidence * 1e6).rounded() / 1e6, decidedBy: .worker,
                model: "\(models.small)")
            #expect(answer == (isSure ? expected : nil))
        }
    }

    @Test(arguments: [
        "calle mayor", "the weather in madrid is nice today and we meet at ten in the old library near the station",
    ])
    func `a script behind many harmless words is found, by the small model and by the full one`(_ harmless: String)
        async throws
    {
        let route = Route(.securityServices, "payload"), words = harmless.split(separator: " ")
        let text = (0..<190).map { words[$0 % words.count] }.joined(separator: " ")
        for model in [try Self.model(of: .securityServices), try Self.full] {
            let predictions = try model.predict([text + " <script>alert(1)</script>", text], as: route)
            #expect(predictions[0].label == "cross_site_scripting", "\(model.identity)")
            // Both models classify long prose, which no parameter contains, as an attack.
            #expect(predictions[1].label == "benign" || harmless != "calle mayor", "\(model.identity)")
            #expect(predictions.allSatisfy { $0.windows > 1 && !$0.isTruncated })
        }
    }

    @Test(arguments: Catalog.builtIn.capabilities.map(\.name))
    func `the certificates that it comes with are of the models that it comes with`(_ capability: Capability) throws {
        let certificates = try Tree.certificates(of: capability)
        let certified = Catalog.builtIn.routes.filter { $0.capability == capability && $0 != Self.uncertified }
        #expect(Set(certificates.map(\.route)) == Set(certified))
        #expect(
            try certificates.allSatisfy { try $0.covers(Self.pair(of: $0.route)) && $0.route.capability == capability })
        #expect(Set(certificates.map(\.route)).count == certificates.count)
        #expect(certificates.allSatisfy { $0.bound <= $0.alpha && $0.accepted <= $0.items })
    }

    /// No threshold of its small model keeps the promise, so the full model answers it.
    private static let uncertified = Route(.softwareDevelopment, "issue-type")

    private static var full: EncoderClassifier {
        get throws { try EncoderClassifier(directory: Tree.model("full"), catalog: .builtIn) }
    }

    /// The two models of a route, as certificates name them.
    private static func pair(of route: Route) throws -> ModelPair {
        func identity(_ model: String) throws -> ModelIdentity {
            try #require(try RouteIdentities(directory: Tree.model(model), catalog: .builtIn).identity(of: route))
        }
        return ModelPair(small: try identity(route.capability.rawValue), full: try identity("full"))
    }

    private static func model(of capability: Capability) throws -> EncoderClassifier {
        try EncoderClassifier(directory: Tree.model(capability.rawValue), catalog: .builtIn)
    }
}
