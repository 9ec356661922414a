import Certification
import Contracts
import Inference

/// What both models made of one calibration item.
struct Comparison: Sendable {
    var observation: Observation
    /// - Units: operations.
    var smallFlops: Int64
    var fullFlops: Int64

    init(observation: Observation, smallFlops: Int64, fullFlops: Int64) {
        self.observation = observation
        self.smallFlops = smallFlops
        self.fullFlops = fullFlops
    }

    init(_ item: LabelledItem, small: Prediction, full: Prediction, equalFrom: Double) {
        observation = Observation(
            hash: ItemHash.of(item.text), confidence: small.certainty,
            agrees: full.accepts(small.label, from: equalFrom),
            right: item.label.map { .init(small: small.label == $0, full: full.label == $0) })
        (smallFlops, fullFlops) = (small.flops, full.flops)
    }

    /// Runs both models over items of one task.
    /// - Parameter equalFrom: `Certificate.equalFrom`.
    /// - Throws: `InferenceError`
    static func run(
        _ items: [LabelledItem], as route: Route, small: any Classifier, full: any Classifier, equalFrom: Double
    ) async throws -> [Comparison] {
        var comparisons: [Comparison] = []
        comparisons.reserveCapacity(items.count)
        while comparisons.count < items.count {
            let chunk = items[comparisons.count..<min(comparisons.count + 64, items.count)]
            let texts = chunk.map(\.text)
            let (fromSmall, fromFull) = try await (
                small.classify(texts, as: route), full.classify(texts, as: route)
            )
            for ((item, small), full) in zip(zip(chunk, fromSmall), fromFull) {
                comparisons.append(Comparison(item, small: small, full: full, equalFrom: equalFrom))
            }
            Console.progress("\(route): \(comparisons.count) of \(items.count) items compared")
        }
        return comparisons
    }
}
