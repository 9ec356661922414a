import Contracts
import KafkaBus
import MessageBus
import Settings
import Telemetry

/// Prints an empty line once it reads, and then every record of a topic, one a line, until it is stopped: from the beginning of
/// the topic, or from its end. A restart of the broker does not end it. An embedded broker is empty afterwards, and whoever
/// reads from the end could miss its first records.
/// - Shape: `partition TAB offset TAB milliseconds since 1970 at which it was read TAB key TAB value`
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
