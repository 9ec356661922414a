import BuiltInCatalog
import Contracts
import Inference
import Synchronization

/// A model that gives the answers of a test, and records its inputs.
public final class ScriptedClassifier: Classifier {
    public struct Call: Sendable, Equatable {
        public var texts: [String]
        public var route: Route
        /// What stands around each text; empty if no text has a context.
        public var contexts: [ItemContext?]

        public init(texts: [String], route: Route, contexts: [ItemContext?] = []) {
            self.texts = texts
            self.route = route
            self.contexts = contexts
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
        try await classify(texts, in: [], as: route)
    }

    public func classify(
        _ texts: [String], in contexts: [ItemContext?], as route: Route
    ) async throws -> [Prediction] {
        let known = contexts.contains { $0 != nil } ? contexts : []
        asked.withLock { $0.append(Call(texts: texts, route: route, contexts: known)) }
        guard routes.contains(route) else { throw InferenceError.unknownRoute(route, model: identity) }
        return try texts.map { try answering($0, route) }
    }

    /// One token for each byte, and two marker tokens.
    public func mostTokens(of text: String, in context: ItemContext?, as route: Route) -> Int {
        let around = [context?.before, context?.after, context?.request].compactMap(\.self)
        return around.reduce(text.utf8.count + 2) { $0 + $1.utf8.count }
    }
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
