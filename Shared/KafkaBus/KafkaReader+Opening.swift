import MessageBus
import Telemetry

extension KafkaReader {
    /// What opens topics whose records may come half a second late: what operators want, what was cancelled or certified.
    public static func opening(
        settings: KafkaSettings, logger: Logger, metrics: Metrics
    ) -> @Sendable ([String: ReadStart]) async throws -> any MessageReader {
        { [settings = settings.unhurried] starts in
            try await KafkaReader(settings: settings, starts: starts, logger: logger, metrics: metrics)
        }
    }
}
