import CPinnedPort
import Glibc
import KafkaBus
import MessageBus
import Settings
import Telemetry

/// A Kafka for one machine: hosts the embedded broker until it is told to stop.
/// - Produces: its address on standard output, and in the file that `DEV_BROKER_ADDRESS_FILE` names.
@main
enum App {
    static func main() {
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
