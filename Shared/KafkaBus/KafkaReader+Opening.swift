import MessageBus
import Telemetry

extension KafkaReader {
    /// What opens a topic whose records may come half a second late: what operators want, what was cancelled.
    public static func opening(
        _ topic: String, from start: Start, settings: KafkaSettings, logger: Logger, metrics: Metrics
    ) -> @Sendable () async throws -> any MessageReader {
        { [settings = settings.unhurried] in
            try await KafkaReader(settings: settings, topic: topic, from: start, logger: logger, metrics: metrics)
        }
    }
}
