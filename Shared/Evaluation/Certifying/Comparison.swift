import Certification
import Contracts
import Inference
import Models

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
    ///
    /// An item that the full model does not answer itself is left out, since there is nothing to agree with. One that the
    /// small model does not answer itself escalates.
    /// - Parameters:
    ///   - tieShare: `Certificate.tieShare`.
    ///   - progress: called with the number of items so far.
    /// - Throws: `InferenceError`, or `ModelError` if an endpoint answers none of many items.
    public static func run(
        _ items: [LabelledItem], as route: Route, small: any Classifier, full: any Classifier,
        tieShare: Double, progress: (Int) -> Void = { _ in }
    ) async throws -> [Comparison] {
        try await inChunks(items, progress) { chunk in
            let texts = chunk.map(\.text)
            let (fromSmall, fromFull) = try await (
                attempt(texts, as: route, small), attempt(texts, as: route, full)
            )
            return zip(zip(chunk, fromSmall), fromFull).compactMap { pair, full in
                full.map { Comparison(pair.0, small: pair.1 ?? .none, full: $0, tieShare: tieShare) }
            }
        }
    }

    /// Runs two endpoints on the items of a task whose answers are texts or JSON values. Each answer is as sure as any
    /// other (`Certificate.confidenceOfTexts`).
    /// - Parameter judge: says whether answers that differ in form agree; `nil` for a comparator without one.
    /// - Throws: `ModelError` if an endpoint answers none of many items.
    public static func run(
        _ items: [LabelledItem], small: EndpointClassifier, full: EndpointClassifier,
        comparator: TaskDescription.Comparator, judge: EndpointClassifier?, progress: (Int) -> Void = { _ in }
    ) async throws -> [Comparison] {
        try await inChunks(items, progress) { chunk in
            let texts = chunk.map(\.text)
            let (fromSmall, fromFull) = try await (small.outputs(texts), full.outputs(texts))
            let answered = zip(zip(chunk, fromSmall), fromFull).compactMap { pair, full in
                full.flatMap { $0.isTruncated ? nil : (item: pair.0, small: pair.1, full: $0.answer.output) }
            }
            // An answer without its end escalates.
            let own = answered.map { member in member.small.flatMap { $0.isTruncated ? nil : $0.answer.output } }
            var agrees = zip(answered, own).map { member, own in own.map { comparator.agree($0, member.full) } ?? false
            }
            let open = agrees.indices.filter { !agrees[$0] && own[$0] != nil }
            if let judge, !open.isEmpty {
                let pairs = open.map {
                    Judge.Pair(input: answered[$0].item.text, own[$0] ?? .text(""), answered[$0].full)
                }
                let verdicts = Judge.verdicts(try await judge.outputs(Judge.inputs(pairs)))
                for (place, verdict) in zip(open, verdicts) { agrees[place] = verdict }
            }
            return answered.indices.map { place in
                Comparison(
                    observation: Observation(
                        hash: ItemHash.of(answered[place].item.text),
                        confidence: own[place] == nil ? 0 : Certificate.confidenceOfTexts, agrees: agrees[place]),
                    smallFlops: 0, fullFlops: 0)
            }
        }
    }

    private static func attempt(
        _ texts: [String], as route: Route, _ model: any Classifier
    ) async throws -> [Prediction?] {
        guard let endpoint = model as? EndpointClassifier else { return try await model.classify(texts, as: route) }
        return try await endpoint.attempt(texts, as: route)
    }

    private static func inChunks(
        _ items: [LabelledItem], _ progress: (Int) -> Void,
        _ compare: (ArraySlice<LabelledItem>) async throws -> [Comparison]
    ) async throws -> [Comparison] {
        var comparisons: [Comparison] = []
        comparisons.reserveCapacity(items.count)
        for start in stride(from: 0, to: items.count, by: 64) {
            let end = min(start + 64, items.count)
            comparisons += try await compare(items[start..<end])
            progress(end)
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

extension Prediction {
    /// That of a model that does not answer.
    fileprivate static let none = Prediction(label: "", confidence: 0, isSure: false, inputTokens: 0, flops: 0)
}
