import Contracts

/// The seam between a worker and its model: an encoder in the process, or an HTTP endpoint.
public protocol Classifier: Sendable {
    var identity: ModelIdentity { get }
    /// What it can be asked.
    var routes: [Route] { get }

    /// One prediction a text, in order.
    /// - Throws: `InferenceError.unknownRoute` when `route` is none of `routes`; never retriable.
    func classify(_ texts: [String], as route: Route) async throws -> [Prediction]
}
