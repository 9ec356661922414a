import Contracts
import Delivery
import Inference
import Routing
import Synchronization
import TestKit
import WorkerKit

@testable import Decomposer

/// A router that gives the answers of a test, and records the requests that it reads.
///
/// An item is a line, or a part of it at “and”. “Hello” is none.
final class ScriptedRouter: RequestReader {
    typealias Answering = @Sendable (String) throws(InferenceError) -> Prediction
    typealias Certainty = @Sendable (String) -> Double

    let identity: ModelIdentity
    private let certainty: Certainty
    private let cut: @Sendable (String) -> [Range<String.Index>]
    private let answering: Answering
    private let asked = Mutex<[[[String]]]>([])

    /// - Parameters:
    ///   - certainty: the probability of the least sure tag of an item.
    ///   - cut: the items of a source.
    init(
        _ name: String = "router", version: String = "7", certainty: @escaping Certainty = { _ in 1 },
        cut: @escaping @Sendable (String) -> [Range<String.Index>] = ScriptedRouter.parts,
        answering: @escaping Answering
    ) {
        identity = ModelIdentity(name: name, version: version)
        self.certainty = certainty
        self.cut = cut
        self.answering = answering
    }

    /// The requests of each call.
    var calls: [[[String]]] { asked.withLock(\.self) }

    /// One token for each character of a source. A source without items is sure to have none, unless it asks something.
    func read(_ requests: [[String]]) throws(InferenceError) -> [[SourceReading]] {
        asked.withLock { $0.append(requests) }
        var readings: [[SourceReading]] = []
        for sources in requests {
            var request: [SourceReading] = []
            for source in sources { request.append(try reading(source)) }
            readings.append(request)
        }
        return readings
    }

    private func reading(_ source: String) throws(InferenceError) -> SourceReading {
        var items: [ReadItem] = []
        for range in cut(source) {
            let text = String(source[range]),
                start = source.utf8.distance(from: source.startIndex, to: range.lowerBound)
            items.append(
                ReadItem(
                    range: start..<start + text.utf8.count, certainty: certainty(text), prediction: try answering(text))
            )
        }
        let absence = Prediction.of(source, Answer.noRoute, 0.8, isSure: !source.contains("?"))
        return SourceReading(
            items: items, absence: items.isEmpty ? absence : nil, inputTokens: source.count,
            flops: Int64(source.count) * 1000)
    }

    static let parts: @Sendable (String) -> [Range<String.Index>] = { text in
        text.split(whereSeparator: \.isNewline).flatMap { line -> [Range<String.Index>] in
            var rest = line.trimmingPrefix("- "), parts: [Range<String.Index>] = []
            while let range = rest.firstRange(of: " and ") {
                parts.append(rest.startIndex..<range.lowerBound)
                rest = rest[range.upperBound...]
            }
            return parts + [rest.startIndex..<rest.endIndex]
        }.filter { !text[$0].hasPrefix("Hello") && !text[$0].allSatisfy(\.isWhitespace) }
    }
}

extension Planner {
    /// A planner whose router is the same for every catalog.
    init(router: any RequestReader, counterfactual: Counterfactual, gate: LaneGate? = nil) {
        self.init(router: { _ in router }, counterfactual: counterfactual, gate: gate)
    }
}
