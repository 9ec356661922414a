import Contracts
import Inference

/// Items of one task that go through the suite in one machine request.
struct EvaluationChunk: Sendable {
    var eventID: EventID
    var route: Route
    var items: [LabelledItem]

    var pending: Exchange.Pending {
        let request = Request(
            eventID: eventID, channel: .machine, steps: [RequestedStep(route: route, items: items.map(\.text))])
        return Exchange.Pending(eventID: eventID, bytes: request.encode())
    }
}

extension Scorecard {
    mutating func add(_ request: EvaluationRun.Request) {
        let answers = request.result?.steps.first?.items ?? []
        let verdicts = request.chunk.items.indices.map { index in
            let answer = answers.indices.contains(index) ? answers[index] : nil
            return Verdict(
                label: request.chunk.items[index].label, suite: answer?.label, full: request.full[index].label,
                small: request.small[index].label, isPromised: request.isPromised(answer?.label, index),
                isEscalated: answer?.decidedBy == .full)
        }
        add(verdicts, flops: request.result?.flops ?? 0, fullModelFlops: request.result?.fullModelFlops ?? 0)
    }
}
