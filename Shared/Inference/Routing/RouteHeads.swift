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
            Rule(route: $0.route, temperature: $0.head.temperature, threshold: $0.head.threshold)
        }
        projection = Projection(weight: usable.flatMap(\.head.weights), bias: usable.map(\.head.bias), inputs: inputs)
        let taken = Set(usable.map(\.route))
        refused = routing.heads.map(\.route).filter { !taken.contains($0) }
    }

    var isEmpty: Bool { rules.isEmpty }
    var count: Int { rules.count }

    /// Returns the tasks that an item belongs to.
    /// - Parameter scores: those of the heads.
    func routes(_ scores: ArraySlice<Float>) -> [Route] {
        zip(rules, scores).compactMap { rule, score in
            sigmoid(Double(score) / rule.temperature) >= rule.threshold ? rule.route : nil
        }
    }
}
