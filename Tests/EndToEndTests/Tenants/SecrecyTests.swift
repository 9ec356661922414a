import BuiltInCatalog
import Contracts
import Foundation
import KafkaBus
import MessageBus
import Telemetry
import Testing

extension `Whole suite` {
    /// Sends payload that stands for a secret through every input, with valid and invalid requests.
    @Test
    func `no log line holds payload, whatever became of it`() async throws {
        let suite = try await Suite.shared()
        let canary = "canary\(UUID().uuidString.filter(\.isLetter))"
        let lines = [
            Self.payload(id: UUID().uuidString, [canary, "1' OR '\(canary)'='1"]),
            #"{"text": "set a timer for \#(canary) and then tell me my balance"}"#,
            #"{"text": ["\#(canary)"]}"#, #"{"\#(canary)": "#, #"{"text": "x", "channel": "\#(canary)"}"#,
            #"{"steps": [{"capability": "\#(canary)", "task": "\#(canary)", "items": ["\#(canary)"]}]}"#,
        ]
        #expect(try await suite.submit(lines).objects.count == lines.count)
        let poisoned = [
            Topic.requests(.interactive), Topic.outcomes(.interactive), Topic.escalations(.interactive),
            Topic.steps(.securityServices, .interactive),
        ]
        let settings = KafkaSettings(bootstrapServers: try #require(suite.environment["KAFKA_BOOTSTRAP_SERVERS"]))
        let (logger, metrics) = (Logger(service: "end-to-end", level: .error), Metrics())
        let reader = try await KafkaReader(
            settings: settings, topic: Topic.deadLetters, from: .end, logger: logger, metrics: metrics)
        let producer = try KafkaProducer(settings: settings, logger: logger, metrics: metrics)
        try await producer.send(
            poisoned.map { OutgoingRecord(topic: $0, key: Array(canary.utf8), value: Array("{\(canary)".utf8)) })
        await producer.close()
        var letters: Set<String> = []
        while letters.count < poisoned.count, let batch = try await reader.nextBatch() {
            letters.formUnion(
                batch.filter { $0.key == Array(canary.utf8) }
                    .compactMap { $0.headers["kafka_dlt-original-topic"] })
        }
        reader.stop()
        #expect(letters == Set(poisoned))
        let logs = try suite.logs()
        #expect(logs.count >= Suite.names.count)
        #expect(logs.values.joined().contains("Serving health and metrics"))
        for (name, text) in logs { #expect(!text.contains(canary), "\(name)") }
    }
}
