import Contracts

/// The seam between a worker and its model: an encoder in the process, or an HTTP endpoint.
public protocol Classifier: Sendable {
    var identity: ModelIdentity { get }
    /// What it can be asked.
    var routes: [Route] { get }

    /// One prediction a text, in order.
    /// - Throws: `InferenceError.unknownRoute` when `route` is none of `routes`; never retriable.
    func classify(_ texts: [String], as route: Route) async throws -> [Prediction]

    /// What `classify` says when it reads the first window of each text alone, and nothing more is wanted.
    func classifyBeginnings(_ texts: [String], as route: Route) async throws -> [Prediction]

    /// What a call for `text` consumes at most: a budget reserves as much before the call is made.
    func mostTokens(of text: String, as route: Route) -> Int
}
