import Contracts
import Inference

/// Texts of many steps, classified in one call a route, so that the model sees batches that grow with the load.
public enum BatchClassification {
    /// Texts that belong together, a step's items.
    public struct Group: Sendable {
        public var route: Route
        public var texts: [String]

        public init(route: Route, texts: [String]) {
            self.route = route
            self.texts = texts
        }
    }

    /// One group's share of the batch.
    public struct Share: Sendable {
        public var predictions: [Prediction]
        public var startedAt: Timestamp
        /// - Units: microseconds; the call's wall clock by share of tokens.
        public var durationMicros: Int64

        public init(predictions: [Prediction], startedAt: Timestamp, durationMicros: Int64) {
            self.predictions = predictions
            self.startedAt = startedAt
            self.durationMicros = durationMicros
        }

        public var usage: TokenUsage {
            predictions.reduce(into: .zero) { sum, prediction in
                sum.inputTokens += Int64(prediction.inputTokens)
                sum.flops += prediction.flops
            }
        }
    }

    /// - Returns: a share a group, in order.
    /// - Throws: `InferenceError`
    public static func run(_ groups: [Group], on classifier: any Classifier) async throws -> [Share] {
        var shares = [Share?](repeating: nil, count: groups.count)
        for (route, members) in Dictionary(grouping: groups.indices, by: { groups[$0].route }) {
            let startedAt = Timestamp.now
            let clock = ContinuousClock()
            let start = clock.now
            let predictions = try await classifier.classify(members.flatMap { groups[$0].texts }, as: route)
            let micros = (clock.now - start) / .microseconds(1)
            let tokens = predictions.reduce(0) { $0 + $1.inputTokens }
            var next = predictions.startIndex
            for member in members {
                let own = Array(predictions[next..<next + groups[member].texts.count])
                next += own.count
                let part = Double(own.reduce(0) { $0 + $1.inputTokens }) / Double(max(tokens, 1))
                shares[member] = Share(
                    predictions: own, startedAt: startedAt, durationMicros: Int64((micros * part).rounded()))
            }
        }
        return shares.compactMap(\.self)
    }
}
