import BuiltInCatalog
import Contracts
import Inference
import Synchronization

/// A model that gives the answers of a test, and records its inputs.
public final class ScriptedClassifier: Classifier {
    public struct Call: Sendable, Equatable {
        public var texts: [String]
        public var route: Route

        public init(texts: [String], route: Route) {
            self.texts = texts
            self.route = route
        }
    }

    public typealias Answering = @Sendable (String, Route) throws -> Prediction

    public let identity: ModelIdentity
    public let routes: [Route]
    private let answering: Answering
    private let asked = Mutex<[Call]>([])

    public init(
        _ name: String = "small", version: String = "7", routes: [Route] = Catalog.builtIn.routes,
        answering: @escaping Answering
    ) {
        identity = ModelIdentity(name: name, version: version)
        self.routes = routes
        self.answering = answering
    }

    public var calls: [Call] { asked.withLock(\.self) }

    public func classify(_ texts: [String], as route: Route) async throws -> [Prediction] {
        asked.withLock { $0.append(Call(texts: texts, route: route)) }
        guard routes.contains(route) else { throw InferenceError.unknownRoute(route, model: identity) }
        return try texts.map { try answering($0, route) }
    }

    public func classifyBeginnings(_ texts: [String], as route: Route) async throws -> [Prediction] {
        try await classify(texts, as: route)
    }

    /// One token for each byte, and two marker tokens.
    public func mostTokens(of text: String, as route: Route) -> Int { text.utf8.count + 2 }
}

extension Prediction {
    /// One token for each character and 1,000 operations for each token, so that sums are easy to write.
    public static func of(_ text: String, _ label: String, _ confidence: Double = 0.99, isSure: Bool = true)
        -> Prediction
    {
        Prediction(
            label: label, confidence: confidence, isSure: isSure, inputTokens: text.count,
            flops: Int64(text.count) * 1000)
    }
}
