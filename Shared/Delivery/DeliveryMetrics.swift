import Telemetry

/// What a delivery loop counts.
struct DeliveryMetrics: Sendable {
    let consumed: Counter
    let emitted: Counter
    let faults: Counter
    let retries: Counter
    let putOff: Counter
    let duration: Histogram

    init(_ metrics: Metrics) {
        consumed = metrics.counter("winnow_messaging_consumed_messages_total", "Records applied and committed.")
        emitted = metrics.counter("winnow_messaging_sent_messages_total", "Records emitted and acknowledged.")
        faults = metrics.counter("winnow_messaging_faults_total", "Batches that could not be applied as they were.")
        retries = metrics.counter("winnow_messaging_retries_total", "Repetitions after a fault that may pass.")
        putOff = metrics.counter(
            "winnow_messaging_put_off_messages_total", "Records written to the retries, to come again later.")
        duration = metrics.histogram(
            "winnow_messaging_process_duration_seconds", "Apply, emit and commit of one batch.")
    }

    func processed(_ records: Int, emitted count: Int, took time: Duration) {
        consumed.increment(by: records)
        emitted.increment(by: count)
        duration.observe(time)
    }
}
