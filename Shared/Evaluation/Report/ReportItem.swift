import Client
import Contracts
import Inference
import Store

/// One item of a report: the answers of suite and models, and their cost. It holds no text.
struct ReportItem: Sendable {
    var route: Route
    var label: String
    /// `nil` if the suite did not answer, which counts as wrong.
    var suite: String?
    var small: String
    var full: String
    /// Whether the task's certificate accepts the suite's answer as the full model's.
    var isPromised: Bool
    /// The small model's confidence.
    var confidence: Double
    var isEscalated: Bool
    /// Whether the suite gave the small model's answer because the budget was exhausted.
    var isDegraded = false
    /// - Units: operations.
    var smallFlops: Double
    var fullFlops: Double
    /// - Units: pico-USD, at the current prices.
    var smallCost: Double
    var fullCost: Double
    /// The full model's cost if it is asked once for the whole request.
    var fullOnceCost: Double

    /// A missing or degraded answer saves nothing.
    var isSaved: Bool { suite != nil && !isDegraded }
    var smallAgrees: Bool { small == full }
}

extension ReportItem {
    /// Returns the items of one request. They stay together when requests are drawn.
    /// - Throws: `ContractError` if a cost is too large to write.
    static func items(
        of request: EvaluationRun.Request, prices: PriceList, small: String, full: String, at time: Timestamp
    ) throws -> [ReportItem] {
        let answers = request.result?.steps.first?.items ?? []
        return try request.chunk.items.indices.compactMap { index in
            guard let label = request.chunk.items[index].label else { return nil }
            let answer = answers.indices.contains(index) ? answers[index] : nil
            let (bySmall, byFull) = (request.small[index], request.full[index])
            func usage(_ prediction: Prediction) -> TokenUsage {
                TokenUsage(inputTokens: Int64(prediction.inputTokens), flops: prediction.flops)
            }
            func cost(_ usage: TokenUsage, _ model: String) throws -> Double {
                Double(try prices.cost(of: usage, model: model, at: time).amount)
            }
            return ReportItem(
                route: request.chunk.route, label: label, suite: answer?.label, small: bySmall.label,
                full: byFull.label, isPromised: request.isPromised(answer?.label, index),
                confidence: bySmall.confidence, isEscalated: answer?.decidedBy == .full,
                isDegraded: answer?.isDegraded ?? false,
                smallFlops: Double(bySmall.flops), fullFlops: Double(byFull.flops),
                smallCost: try cost(usage(bySmall), small), fullCost: try cost(usage(byFull), full),
                fullOnceCost: try cost(usage(byFull).joined(texts: 1), full))
        }
    }
}
