import KafkaBus
import WorkerKit

/// Security services: finds attacks in HTTP parameters, and prompts that attack a language model.
@main enum App {
    static func main() async { await CapabilityWorkerApp.run("security-services", on: KafkaClients.init) }
}
