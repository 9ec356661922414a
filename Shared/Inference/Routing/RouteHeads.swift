import CKernels
import Contracts

/// The route heads of a catalog, as one matrix over the router's state.
///
/// A head of another router is not among them: its numbers mean nothing here.
struct RouteHeads: Sendable {
    private struct Rule: Sendable {
        let route: Route
        let temperature: Double
        let threshold: Double
        let isAnyWindow: Bool
    }

    private let rules: [Rule]
    let projection: Projection
    /// Tasks whose head cannot be used by this router.
    let refused: [Route]

    /// - Parameters:
    ///   - state: the fingerprint of the router's state.
    ///   - own: the router's own head, whose routes need no other. A text that leaves it early has no state for others.
    init(_ routing: CatalogRouting, state: String, own: ModelCard.Head, inputs: Int) {
        let known = Set(own.labels)
        let usable = routing.heads.filter { entry in
            entry.head.router == state && entry.head.weights.count == inputs && own.exits.isEmpty
                && !known.contains(entry.route.description)
        }
        rules = usable.map {
            Rule(
                route: $0.route, temperature: $0.head.temperature, threshold: $0.head.threshold,
                isAnyWindow: $0.isAnyWindow)
        }
        projection = Projection(weight: usable.flatMap(\.head.weights), bias: usable.map(\.head.bias), inputs: inputs)
        let taken = Set(usable.map(\.route))
        refused = routing.heads.map(\.route).filter { !taken.contains($0) }
    }

    var isEmpty: Bool { rules.isEmpty }
    var count: Int { rules.count }

    /// Returns the tasks that a text belongs to.
    /// - Parameter windows: the heads' scores for each window of the text; at least one window.
    func routes(_ windows: [ArraySlice<Float>]) -> [Route] {
        rules.enumerated().compactMap { index, rule in
            let scores = windows.map { Double($0[$0.startIndex + index]) }
            guard let first = scores.first else { return nil }
            let score = rule.isAnyWindow ? scores.max() ?? first : first
            return sigmoid(score / rule.temperature) >= rule.threshold ? rule.route : nil
        }
    }
}
