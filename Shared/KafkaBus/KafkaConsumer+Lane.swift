import Contracts
import MessageBus
import Telemetry

extension KafkaConsumer {
    /// For one lane of a service. The bulk one may come half a second later, and takes small batches: none holds up the
    /// machine for long.
    /// - Parameters:
    ///   - maxBatch: of the interactive lane.
    ///   - bulkBatch: of the bulk lane, whose records hold up to 64 items a step.
    /// - Throws: `MessageBusError.configuration`
    public convenience init(
        settings: KafkaSettings, lane: Lane, group: String, topics: [String], maxBatch: Int = 500, bulkBatch: Int = 8,
        logger: Logger, metrics: Metrics
    ) throws(MessageBusError) {
        try self.init(
            settings: lane == .bulk ? settings.unhurried : settings, group: group, topics: topics,
            maxBatch: lane == .bulk ? bulkBatch : maxBatch, logger: logger, metrics: metrics)
    }
}
