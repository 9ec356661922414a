import KafkaBus
import WorkerKit

/// Software development: decides whether an issue is a bug, a feature request or a question.
@main enum App {
    static func main() async { await CapabilityWorkerApp.run("software-development", on: KafkaClients.init) }
}
