import KafkaBus
import WorkerKit

/// Legal services: finds the type of a contract clause, and unfair terms of service.
@main enum App {
    static func main() async { await CapabilityWorkerApp.run("legal-services", on: KafkaClients.init) }
}
