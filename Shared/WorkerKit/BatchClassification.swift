import Contracts
import Delivery
import Inference

/// Classifies the texts of many steps in one call per route, so that the model's batches grow with the load.
public enum BatchClassification {
    /// Texts that belong together: the items of a step.
    public struct Group: Sendable {
        public var route: Route
        public var texts: [String]
        /// What stands around each text; `nil` for a text without context.
        public var contexts: [ItemContext?]

        /// - Parameter contexts: one for each text; `nil` if no text has one.
        public init(route: Route, texts: [String], contexts: [ItemContext?]? = nil) {
            self.route = route
            self.texts = texts
            self.contexts = contexts ?? texts.map { _ in nil }
        }
    }

    /// One group's share of the batch.
    public struct Share: Sendable {
        public var predictions: [Prediction]
        public var startedAt: Timestamp
        /// - Units: microseconds; the call's wall-clock time, divided by share of tokens.
        public var durationMicros: Int64

        public init(predictions: [Prediction], startedAt: Timestamp, durationMicros: Int64) {
            self.predictions = predictions
            self.startedAt = startedAt
            self.durationMicros = durationMicros
        }

        public var usage: TokenUsage { BatchClassification.usage(of: predictions) }
    }

    /// Sums the usage of the predictions.
    public static func usage(of predictions: [Prediction]) -> TokenUsage {
        predictions.reduce(into: .zero) { sum, prediction in
            sum.inputTokens += Int64(prediction.inputTokens)
            sum.flops += prediction.flops
        }
    }

    /// - Parameter gate: the point at which a bulk lane yields, every few milliseconds of model time; `nil` classifies
    ///   all texts at once.
    /// - Returns: a share for each group, in order; an error that is never retriable for a group whose own texts are at
    ///   fault.
    /// - Throws: a retriable `InferenceError`, which is not the fault of the texts.
    public static func run(
        _ groups: [Group], on classifier: any Classifier, gate: LaneGate? = nil
    ) async throws -> [Result<Share, InferenceError>] {
        var shares = [Result<Share, InferenceError>?](repeating: nil, count: groups.count)
        for members in Dictionary(grouping: groups.indices, by: { groups[$0].route }).values {
            try await classify(members.map { ($0, groups[$0]) }[...], on: classifier, gate) { shares[$0] = $1 }
        }
        return shares.compactMap(\.self)
    }

    /// Classifies the groups of one route in one call. If that fails because of a text, bisects the groups until the one
    /// with the text is alone, as the delivery loop does with records.
    private static func classify(
        _ members: ArraySlice<(index: Int, group: Group)>, on classifier: any Classifier, _ gate: LaneGate?,
        _ answer: (Int, Result<Share, InferenceError>) -> Void
    ) async throws {
        guard let route = members.first?.group.route else { return }
        let call = Group(
            route: route, texts: members.flatMap(\.group.texts), contexts: members.flatMap(\.group.contexts))
        let startedAt = Timestamp.now
        do {
            let (predictions, micros) = try await PacedCalls.run(call.texts.count, gate: gate) { chunk in
                try await classifier.classify(
                    Array(call.texts[chunk]), in: Array(call.contexts[chunk]), as: call.route)
            }
            let tokens = predictions.reduce(0) { $0 + $1.inputTokens }
            var next = predictions.startIndex
            for (index, group) in members {
                let own = Array(predictions[next..<next + group.texts.count])
                next += own.count
                let part = Double(own.reduce(0) { $0 + $1.inputTokens }) / Double(max(tokens, 1))
                let share = Share(
                    predictions: own, startedAt: startedAt, durationMicros: Int64((micros * part).rounded()))
                answer(index, .success(share))
            }
        } catch let error as InferenceError where !error.isRetriable {
            guard members.count > 1 else { return members.forEach { answer($0.index, .failure(error)) } }
            let middle = members.startIndex + members.count / 2
            for half in [members[..<middle], members[middle...]] {
                try await classify(half, on: classifier, gate, answer)
            }
        }
    }
}
