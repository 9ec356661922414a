import Contracts
import MessageBus
import Telemetry

/// The metrics of a delivery loop.
struct DeliveryMetrics: Sendable {
    let consumed: Counter
    let emitted: Counter
    let faults: Counter
    let retries: Counter
    let putOff: Counter
    let duration: Histogram
    let inFlight: Gauge
    private let metrics: Metrics

    init(_ metrics: Metrics, consumerGroup: String) {
        self.metrics = metrics
        consumed = metrics.counter("winnow_messaging_consumed_messages_total", "Records applied and committed.")
        emitted = metrics.counter("winnow_messaging_sent_messages_total", "Records emitted and acknowledged.")
        faults = metrics.counter("winnow_messaging_faults_total", "Batches that could not be applied as a whole.")
        retries = metrics.counter(
            "winnow_messaging_retries_total",
            "Calls repeated while a dependency was unavailable, or after a temporary fault.")
        putOff = metrics.counter(
            "winnow_messaging_put_off_messages_total", "Records written to the retry topic for a later delivery.")
        duration = metrics.histogram(
            "winnow_messaging_process_duration_seconds",
            "Time to apply, emit and commit one batch, or to apply and emit one slow record.")
        inFlight = metrics.gauge(
            "winnow_messaging_in_flight_messages", "Slow records that are being handled.",
            [("group_id", consumerGroup)])
    }

    /// A topic that does not belong to Winnow can only come from a forged record. It is counted as `other`.
    func deadLettered(_ letter: DeadLetter.Summary) {
        metrics.counter(
            "winnow_dead_letters_total", "Records written to the dead letters, by their original topic.",
            [("reason", letter.reason), ("topic", Topic.label(letter.topic))]
        ).increment()
    }

    func processed(_ records: Int, emitted count: Int, took time: Duration) {
        consumed.increment(by: records)
        emitted.increment(by: count)
        duration.observe(time)
    }
}
