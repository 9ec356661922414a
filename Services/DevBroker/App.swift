import CPinnedPort
import Glibc
import KafkaBus
import MessageBus
import Runtime
import Settings
import Telemetry

/// Hosts the embedded broker until it is told to stop: a Kafka cluster on one machine.
/// - Produces: its address on standard output, and in the file that `DEV_BROKER_ADDRESS_FILE` names.
@main
enum App {
    static func main() {
        ServiceArguments.check(
            "dev-broker",
            summary: "Hosts an embedded Kafka cluster for development and tests. It stores nothing on disk.",
            variables: [
                (name: "DEV_BROKER_PORT", meaning: "port of the first broker (default: any free port)"),
                (name: "DEV_BROKER_ADDRESS_FILE", meaning: "file that receives host:port of the brokers"),
                (name: "DEV_BROKER_BROKERS", meaning: "number of brokers (default: 1)"),
                (name: "WINNOW_TOPICS_FILE", meaning: "topics to create (default: infra/kafka/topics.json)"),
            ])
        let logger = Logger(service: "dev-broker")
        do {
            let signals = StopSignals()
            let settings = try DevBrokerSettings()
            winnow_pin_port(settings.port)
            let broker = try EmbeddedBroker(
                catalog: try TopicCatalog(contentsOf: settings.topicsFile), brokers: settings.brokers, logger: logger)
            guard winnow_open_pinned_ports() == 0 else {
                throw MessageBusError(.unavailable, "port \(settings.port) is taken", isRetriable: false)
            }
            try withExtendedLifetime(broker) {
                let file = AddressFile(path: settings.addressFile)
                try file.publish(broker.bootstrapServers)
                defer { file.withdraw() }
                logger.info("Embedded broker is listening", metadata: ["server.address": broker.bootstrapServers])
                signals.wait()
            }
        } catch {
            logger.error("Embedded broker did not start", metadata: [LogKeys.errorMessage: "\(error)"])
            exit(1)
        }
    }
}
