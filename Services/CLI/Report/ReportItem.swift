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
    /// - Units: operations.
    var smallFlops: Double
    var fullFlops: Double
    /// - Units: pico-USD, at the prices of now.
    var smallCost: Double
    var fullCost: Double

    var smallAgrees: Bool { small == full }
}

extension ReportItem {
    /// The items of a request, which stay together when requests are drawn.
    static func items(
        of request: EvaluationRun.Request, prices: PriceList, small: String, full: String, at time: Timestamp
    ) -> [ReportItem] {
        let answers = request.result?.steps.first?.items ?? []
        return request.chunk.items.indices.compactMap { index in
            guard let label = request.chunk.items[index].label else { return nil }
            let answer = answers.indices.contains(index) ? answers[index] : nil
            let (bySmall, byFull) = (request.small[index], request.full[index])
            func cost(_ prediction: Prediction, _ model: String) -> Double {
                let usage = TokenUsage(inputTokens: Int64(prediction.inputTokens), flops: prediction.flops)
                return Double(prices.cost(of: usage, model: model, at: time).amount)
            }
            return ReportItem(
                route: request.chunk.route, label: label, suite: answer?.label, small: bySmall.label,
                full: byFull.label, isPromised: request.isPromised(answer?.label, index),
                confidence: bySmall.confidence, isEscalated: answer?.decidedBy == .full,
                smallFlops: Double(bySmall.flops), fullFlops: Double(byFull.flops),
                smallCost: cost(bySmall, small), fullCost: cost(byFull, full))
        }
    }
}
