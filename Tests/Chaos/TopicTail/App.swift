import Contracts
import KafkaBus
import MessageBus
import Settings
import Telemetry

/// Prints an empty line once it is ready, and then every record of a topic, one on each line, until it is stopped.
/// Starts at the beginning or the end of the topic. A restart of the broker does not end it. An embedded broker is
/// empty after a restart, so a reader that starts at the end could miss its first records.
/// - Shape: `partition TAB offset TAB time of reading in milliseconds since 1970 TAB key TAB value`
@main
enum App {
    private static let starts: [String: ReadStart] = ["beginning": .beginning, "end": .end]

    static func main() async throws {
        let words = CommandLine.arguments.dropFirst()
        guard words.count == 2, let topic = words.first, let start = starts[words.last ?? ""] else {
            return print("usage: TopicTail TOPIC beginning|end")
        }
        var settings = SettingsReader()
        let reader = try await KafkaReader(
            settings: try KafkaSettings(from: &settings), topic: topic, from: start,
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
