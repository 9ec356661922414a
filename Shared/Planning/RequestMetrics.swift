import Contracts
import Store
import Synchronization
import Telemetry

/// Counts final requests by status and channel, their duration, and who decided their items.
public final class RequestMetrics: Sendable {
    private struct Ending: Hashable {
        let state: RequestSnapshot.State
        let channel: Request.Channel?
        let lane: Lane
    }

    private struct Decision: Hashable {
        let route: Route
        let decidedBy: String
    }

    /// The metrics that were used before. A look-up by name and labels costs more than counting.
    private struct Known {
        var endings: [Ending: (count: Counter, duration: Histogram)] = [:]
        var decisions: [Decision: Counter] = [:]
    }

    /// The range goes from a cached answer to a bulk request that waited for an hour.
    private static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600]

    private let metrics: Metrics
    private let known = Mutex(Known())

    public init(_ metrics: Metrics) { self.metrics = metrics }

    /// Records a request. Must be called once per request, when it becomes final.
    @Sendable public func observe(_ request: RequestSnapshot) {
        let ending = Ending(state: request.state, channel: request.channel, lane: request.lane)
        let duration = max(0, request.progressedAt.milliseconds - request.acceptedAt.milliseconds)
        var counts: [Decision: Int] = [:]
        for step in request.steps {
            for case let answer? in step.answers {
                counts[Decision(route: step.route, decidedBy: Self.decidedBy(answer)), default: 0] += 1
            }
        }
        known.withLock { known in
            let series = known.endings[ending] ?? self.series(of: ending)
            known.endings[ending] = series
            series.count.increment()
            series.duration.observe(.milliseconds(duration))
            for (decision, count) in counts {
                let counter = known.decisions[decision] ?? self.counter(of: decision)
                known.decisions[decision] = counter
                counter.increment(by: count)
            }
        }
    }

    private static func decidedBy(_ answer: Answer) -> String {
        if answer.isDegraded { return "degraded" }
        return answer.isInUnsupportedLanguage ? Answer.unsupportedLanguage : answer.decidedBy.rawValue
    }

    private func series(of ending: Ending) -> (count: Counter, duration: Histogram) {
        let channel = (name: "channel", value: ending.channel?.rawValue ?? "unknown")
        return (
            metrics.counter(
                "winnow_requests_total", "Requests that became final.",
                [(name: "status", value: ending.state.rawValue), channel]),
            metrics.histogram(
                "winnow_request_duration_seconds", "Time from the acceptance of a request to its final state.",
                [channel, (name: "lane", value: ending.lane.rawValue)], bounds: Self.bounds)
        )
    }

    private func counter(of decision: Decision) -> Counter {
        metrics.counter(
            "winnow_items_total", "Answered items of final requests, by task and by the kind of model that decided.",
            [
                (name: "capability", value: decision.route.capability.rawValue),
                (name: "task", value: decision.route.task), (name: "decided_by", value: decision.decidedBy),
            ])
    }
}
