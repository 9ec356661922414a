import Contracts
import MessageBus
import Settings
import Telemetry

/// Opens the clients of a Kafka cluster.
public struct KafkaClients: MessageBusClients {
    private let settings: KafkaSettings
    private let logger: Logger
    private let metrics: Metrics

    public init(_ reader: inout SettingsReader, _ logger: Logger, _ metrics: Metrics) throws(SettingsError) {
        settings = try KafkaSettings(from: &reader)
        self.logger = logger
        self.metrics = metrics
    }

    public func producer() throws -> any MessageProducer {
        try KafkaProducer(settings: settings, logger: logger, metrics: metrics)
    }

    public func reader(of starts: [String: ReadStart]) async throws -> any MessageReader {
        try await KafkaReader.opening(settings: settings, logger: logger, metrics: metrics)(starts)
    }

    public func consumer(_ lane: Lane, group: String, topics: [String]) throws -> any MessageConsumer {
        try KafkaConsumer(
            settings: settings, lane: lane, group: group, topics: topics, logger: logger, metrics: metrics)
    }
}
