import KafkaBus
import WorkerKit

/// Semantic understanding: finds the intent of an utterance, or that it is out of scope.
@main enum App {
    static func main() async { await CapabilityWorkerApp.run("semantic-understanding", on: KafkaClients.init) }
}
