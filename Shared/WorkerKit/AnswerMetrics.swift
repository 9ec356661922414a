import Telemetry

/// How many items a worker answered itself, and how many it gave up.
struct AnswerMetrics: Sendable {
    private let answers: Counter
    private let escalations: Counter
    let cancelled: Counter
    let shadowed: Counter

    init(_ metrics: Metrics) {
        answers = metrics.counter("winnow_items_answered_total", "Items that the small model was sure of.")
        cancelled = metrics.counter(
            "winnow_steps_cancelled_total", "Steps dropped before any compute, as their request was cancelled.")
        shadowed = metrics.counter(
            "winnow_items_shadowed_total", "Answered items of which the full model is asked in the background, too.")
        escalations = metrics.counter("winnow_items_escalated_total", "Items given to the full model.")
    }

    func answered(_ answered: Int, escalated: Int) {
        answers.increment(by: answered)
        escalations.increment(by: escalated)
    }
}
