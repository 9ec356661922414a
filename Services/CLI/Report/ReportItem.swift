import Contracts
import Inference
import Store

/// One item of a report: what everybody made of it, and what that takes. Nothing of its text.
struct ReportItem: Sendable {
    var route: Route
    var label: String
    /// `nil` where the suite did not answer, which counts as wrong.
    var suite: String?
    var small: String
    var full: String
    /// Whether the suite's is the full model's in the terms of the task's certificate.
    var isPromised: Bool
    /// The small model's.
    var confidence: Double
    var isEscalated: Bool
    /// Whether the suite's answer is the small model's for want of budget.
    var isDegraded = false
    /// - Units: operations.
    var smallFlops: Double
    var fullFlops: Double
    /// - Units: pico-USD, at the prices of now.
    var smallCost: Double
    var fullCost: Double
    /// The full model's, where it is asked once for the whole request.
    var fullOnceCost: Double

    /// What was not answered, or not as well as it should be, saves nothing.
    var isSaved: Bool { suite != nil && !isDegraded }
    var smallAgrees: Bool { small == full }
}

extension ReportItem {
    /// The items of a request, which stay together when requests are drawn.
    /// - Throws: `ContractError` for a cost that is too large to be written.
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
