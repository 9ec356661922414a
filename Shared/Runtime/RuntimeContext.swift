import Lifecycle
import Settings
import Telemetry

/// What a service is built from: `try KafkaSettings(&context.settings)` reads, the rest is shared by all adapters.
public struct RuntimeContext: Sendable {
    public var settings: SettingsReader
    public let logger: Logger
    public let metrics = Metrics()
    public let health = Health()
    /// Triggered by the first signal; triggering it oneself ends the process the same way.
    public let shutdown: GracefulShutdown
}
