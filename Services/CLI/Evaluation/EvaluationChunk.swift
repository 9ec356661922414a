import Contracts

/// Items of one task that go through the suite in one machine request.
struct EvaluationChunk: Sendable {
    var eventID: String
    var route: Route
    var items: [LabelledItem]

    var pending: Exchange.Pending {
        let request = Request(
            eventID: eventID, channel: .machine, steps: [RequestedStep(route: route, items: items.map(\.text))])
        return Exchange.Pending(eventID: eventID, bytes: request.encode())
    }
}

extension Scorecard {
    /// - Parameter result: `nil` where the suite did not answer in time.
    mutating func add(_ chunk: EvaluationChunk, _ result: ResultView?, full: [String], small: [String]) {
        let answers = result?.steps.first?.items ?? []
        let verdicts = chunk.items.indices.map { index in
            let answer = answers.indices.contains(index) ? answers[index] : nil
            return Verdict(
                label: chunk.items[index].label, suite: answer?.label, full: full[index], small: small[index],
                isEscalated: answer?.decidedBy == .full)
        }
        add(verdicts, flops: result?.flops ?? 0, fullModelFlops: result?.fullModelFlops ?? 0)
    }
}
