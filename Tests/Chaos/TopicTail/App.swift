import Contracts
import KafkaBus
import MessageBus
import Settings
import Telemetry

/// Prints an empty line once it reads, and then every record that is written to a topic, one a line, until it is stopped.
/// A restart of the broker does not end it.
/// - Shape: `partition TAB offset TAB milliseconds since 1970 at which it was read TAB key TAB value`
@main
enum App {
    static func main() async throws {
        guard let topic = CommandLine.arguments.dropFirst().first else { return print("usage: TopicTail TOPIC") }
        var settings = SettingsReader()
        let reader = try await KafkaReader(
            settings: try KafkaSettings(from: &settings), topic: topic, from: .end,
            logger: Logger(service: "topic-tail", level: .error), metrics: Metrics())
        Output.write([[]])
        while let batch = try await reader.nextBatch() {
            let readAt = Timestamp.now.milliseconds
            Output.write(
                batch.map { record in
                    Array("\(record.partition)\t\(record.offset)\t\(readAt)\t".utf8) + (record.key ?? [])
                        + [UInt8(ascii: "\t")] + (record.value ?? [])
                })
        }
    }
}
