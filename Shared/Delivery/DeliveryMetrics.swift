import Contracts
import MessageBus
import Telemetry

/// What a delivery loop counts.
struct DeliveryMetrics: Sendable {
    let consumed: Counter
    let emitted: Counter
    let faults: Counter
    let retries: Counter
    let putOff: Counter
    let duration: Histogram
    private let metrics: Metrics

    init(_ metrics: Metrics) {
        self.metrics = metrics
        consumed = metrics.counter("winnow_messaging_consumed_messages_total", "Records applied and committed.")
        emitted = metrics.counter("winnow_messaging_sent_messages_total", "Records emitted and acknowledged.")
        faults = metrics.counter("winnow_messaging_faults_total", "Batches that could not be applied as they were.")
        retries = metrics.counter("winnow_messaging_retries_total", "Repetitions after a fault that may pass.")
        putOff = metrics.counter(
            "winnow_messaging_put_off_messages_total", "Records written to the retries, to come again later.")
        duration = metrics.histogram(
            "winnow_messaging_process_duration_seconds", "Apply, emit and commit of one batch.")
    }

    /// A topic that is none of Winnow's, which only a forged record names, is counted as `other`.
    func deadLettered(_ letter: DeadLetter.Summary) {
        metrics.counter(
            "winnow_dead_letters_total", "Records written to the dead letters, by the topic that they came from.",
            [("reason", letter.reason), ("topic", Topic.label(letter.topic))]
        ).increment()
    }

    func processed(_ records: Int, emitted count: Int, took time: Duration) {
        consumed.increment(by: records)
        emitted.increment(by: count)
        duration.observe(time)
    }
}
