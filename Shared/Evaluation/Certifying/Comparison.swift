import Certification
import Contracts
import Inference

/// Both models' answers to one calibration item.
public struct Comparison: Sendable {
    public let observation: Observation
    /// - Units: operations.
    let smallFlops: Int64
    let fullFlops: Int64

    init(observation: Observation, smallFlops: Int64, fullFlops: Int64) {
        self.observation = observation
        self.smallFlops = smallFlops
        self.fullFlops = fullFlops
    }

    init(_ item: LabelledItem, small: Prediction, full: Prediction, tieShare: Double) {
        observation = Observation(
            hash: ItemHash.of(item.text), confidence: small.certainty,
            agrees: full.accepts(small.label, from: tieShare),
            right: item.label.map { .init(small: small.label == $0, full: full.label == $0) })
        (smallFlops, fullFlops) = (small.flops, full.flops)
    }

    /// Runs both models on the items of one task.
    /// - Parameters:
    ///   - tieShare: `Certificate.tieShare`.
    ///   - progress: called with the number of items compared so far.
    /// - Throws: `InferenceError`
    public static func run(
        _ items: [LabelledItem], as route: Route, small: any Classifier, full: any Classifier, tieShare: Double,
        progress: (Int) -> Void = { _ in }
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
                comparisons.append(Comparison(item, small: small, full: full, tieShare: tieShare))
            }
            progress(comparisons.count)
        }
        return comparisons
    }

    /// Runs the small model on the items of one task.
    /// - Returns: the items that it leaves open under its certificate: those that the middle model is asked about.
    /// - Throws: `InferenceError`
    public static func open(
        _ items: [LabelledItem], under certificate: Certificate, small: any Classifier
    ) async throws -> [LabelledItem] {
        var open: [LabelledItem] = []
        for start in stride(from: 0, to: items.count, by: 64) {
            let chunk = items[start..<min(start + 64, items.count)]
            let predictions = try await small.classify(chunk.map(\.text), as: certificate.route)
            open += zip(chunk, predictions).filter { $0.1.certainty < certificate.acceptThreshold }.map(\.0)
        }
        return open
    }
}
