import KafkaBus
import WorkerKit

/// Serves the capability that `WINNOW_CAPABILITY` names.
@main enum App {
    static func main() async { await CapabilityWorkerApp.run(on: KafkaClients.init) }
}
