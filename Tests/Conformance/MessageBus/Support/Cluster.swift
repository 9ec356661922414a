import Foundation
import KafkaBus
import MessageBus
import Settings
import Telemetry

/// The cluster for live tests: `KAFKA_BOOTSTRAP_SERVERS`, or an embedded broker of this process.
actor Cluster {
    static let shared = Cluster()
    static let logger = Logger(service: "conformance", level: .error)

    static let isEmbedded = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"] == nil

    private var embedded: EmbeddedBroker?

    func settings(withTopic topic: String, partitions: Int) async throws -> KafkaSettings {
        let entry = TopicCatalog.Entry(name: topic, partitions: partitions)
        let catalog = TopicCatalog(entries: [entry])
        if let servers = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"] {
            let settings = KafkaSettings(bootstrapServers: servers)
            let admin = try KafkaAdmin(settings: settings, logger: Self.logger)
            _ = try await admin.create(catalog)
            return settings
        }
        let broker = try embedded ?? EmbeddedBroker(catalog: catalog, logger: Self.logger)
        if embedded != nil { try broker.create(entry) }
        embedded = broker
        // A rebalance there takes the session timeout less a second.
        return KafkaSettings(
            bootstrapServers: broker.bootstrapServers, overrides: ["session.timeout.ms": "4000"])
    }
}
