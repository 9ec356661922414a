import KafkaBus
import MessageBus
import Settings
import Telemetry

/// Prints an empty line once it reads, and then the value of every record that is written to a topic, one a line, until it
/// is stopped; a restart of the broker does not end it.
@main
enum App {
    static func main() async throws {
        guard let topic = CommandLine.arguments.dropFirst().first else { return print("usage: TopicTail TOPIC") }
        var settings = SettingsReader()
        let reader = try await KafkaReader(
            settings: try KafkaSettings(from: &settings), topic: topic, from: .end,
            logger: Logger(service: "topic-tail", level: .error), metrics: Metrics())
        Output.write([nil])
        while let batch = try await reader.nextBatch() {
            Output.write(batch.map(\.value))
        }
    }
}
