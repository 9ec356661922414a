import Contracts

/// How probable it is that an item belongs to a task of the router's own head.
public struct RouteScore: Sendable, Equatable {
    public let route: Route
    public let probability: Double
    /// The item is given the task from this probability on.
    public let threshold: Double
}

extension ItemReader {
    /// Returns the confidence from which on the router is sure of an answer, which is a list of routes or `none`; `nil`
    /// if it never is.
    public func threshold(of label: String) -> Double? { head.threshold(of: label) }

    /// Returns what the head says of an item about each of its tasks, the most probable first.
    public func scores(of item: ReadItem) -> [RouteScore] {
        guard case .multiLabel(let thresholds) = head.kind, item.logits.count == head.labels.count else { return [] }
        return head.labels.indices.compactMap { index in
            Route(head.labels[index]).map {
                RouteScore(
                    route: $0, probability: sigmoid(Double(item.logits[index]) / head.temperature),
                    threshold: thresholds[index])
            }
        }
        .sorted { $0.probability > $1.probability }
    }
}
