import KafkaBus
import MessageBus
import Settings
import Telemetry

/// Prints the value of every record of a topic, one a line, from its beginning until it is stopped; a restart of the
/// broker does not end it.
@main
enum App {
    static func main() async throws {
        guard let topic = CommandLine.arguments.dropFirst().first else { return print("usage: TopicTail TOPIC") }
        var settings = SettingsReader()
        let reader = try await KafkaReader(
            settings: try KafkaSettings(from: &settings), topic: topic, from: .beginning,
            logger: Logger(service: "topic-tail", level: .error), metrics: Metrics())
        while let batch = try await reader.nextBatch() {
            Output.write(batch.map(\.value))
        }
    }
}
