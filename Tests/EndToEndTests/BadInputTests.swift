import Contracts
import Foundation
import KafkaBus
import MessageBus
import Telemetry
import Testing

extension `Whole suite` {
    struct BadLine: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: String
        let code: String
    }

    static let badLines: [BadLine] = [
        BadLine(testDescription: "not JSON", line: "{nonsense", code: "not_json"),
        BadLine(testDescription: "wrong type", line: #"{"text": 7}"#, code: "wrong_type"),
        BadLine(testDescription: "no object", line: "[1]", code: "wrong_type"),
        BadLine(
            testDescription: "unknown capability",
            line: #"{"steps": [{"capability": "astrology", "task": "stars", "items": ["x"]}]}"#, code: "unknown_route"),
        BadLine(
            testDescription: "unknown task",
            line: #"{"steps": [{"capability": "legal-services", "task": "stars", "items": ["x"]}]}"#,
            code: "unknown_route"),
        BadLine(
            testDescription: "unknown channel", line: #"{"text": "hello", "channel": "pigeon"}"#,
            code: "unknown_channel"),
        BadLine(testDescription: "empty text", line: #"{"text": "  "}"#, code: "empty_text"),
        BadLine(
            testDescription: "deadline past", line: #"{"text": "hello", "deadline": "2001-01-01T00:00:00Z"}"#,
            code: "deadline_passed"),
        BadLine(
            testDescription: "65 items", line: payload(id: "", Array(repeating: "x", count: 65)).withoutID,
            code: "too_large"),
        BadLine(
            testDescription: "17 steps",
            line: #"{"steps": ["#
                + Array(
                    repeating: #"{"capability": "security-services", "task": "payload", "items": ["x"]}"#, count: 17
                ).joined(separator: ", ") + "]}", code: "too_large"),
        BadLine(
            testDescription: "over 256 KiB",
            line: #"{"text": "\#(String(repeating: "long ", count: 60_000))"}"#, code: "too_large"),
    ]

    @Test(arguments: badLines)
    func `bad input is rejected with one clear error, and the next request is answered`(bad: BadLine) async throws {
        let suite = try await Suite.shared()
        let result = try await suite.submit([bad.line, Self.payload(id: UUID().uuidString, ["28014"])])
        let answers = result.objects
        try #require(answers.count == 2)
        #expect(answers[0]["status"] as? String == "rejected")
        #expect((answers[0]["error"] as? String)?.hasPrefix(bad.code + ": ") == true)
        #expect(answers[1]["status"] as? String == "completed")
    }

    @Test
    func `invalid UTF-8 is rejected, and the next request is answered`() async throws {
        let suite = try await Suite.shared()
        let bytes = Array(#"{"text": "caf"#.utf8) + [0xE9, 0xFF] + Array("\"}\n".utf8)
        let next = Self.payload(id: UUID().uuidString, ["28014"])
        let result = try await suite.winnow(
            ["submit", "--wait", "--json", "--timeout", "60"], input: bytes + Array(next.utf8))
        #expect(result.objects.map { $0["status"] as? String } == ["rejected", "completed"])
    }

    @Test
    func `a repeated id is answered once, with the same result again`() async throws {
        let suite = try await Suite.shared()
        let line = Self.payload(id: "again-\(UUID())", ["1' OR '1'='1", "madrid"])
        let first = try await suite.submit([line])
        let again = try await suite.submit([line])
        #expect(first.output == again.output)
        let id = try #require(first.objects.first?["id"] as? String)
        let calls = try await suite.query(
            """
            SELECT count(*) FROM winnow.attempt JOIN winnow.request USING (request_id)
            WHERE event_id = '\(id)' AND kind = 'worker'
            """)
        #expect(calls == "1")
    }

    @Test
    func `two tenants may use the same id`() async throws {
        let suite = try await Suite.shared()
        let line = Self.payload(id: "shared-\(UUID())", ["madrid"])
        let one = try await suite.submit([line], tenant: "one")
        let two = try await suite.submit([line], tenant: "two")
        #expect(one.objects.first?["requestId"] as? String != two.objects.first?["requestId"] as? String)
    }

    @Test
    func `a record without headers is dead-lettered with its bytes intact`() async throws {
        let suite = try await Suite.shared()
        let settings = KafkaSettings(bootstrapServers: try #require(suite.environment["KAFKA_BOOTSTRAP_SERVERS"]))
        let (logger, metrics) = (Logger(service: "end-to-end", level: .error), Metrics())
        let reader = try await KafkaReader(
            settings: settings, topic: Topic.deadLetters, from: .end, logger: logger, metrics: metrics)
        let producer = try KafkaProducer(settings: settings, logger: logger, metrics: metrics)
        let key = Array(UUID().uuidString.utf8)
        let value = Array("no headers \u{0} at all".utf8)
        try await producer.send([OutgoingRecord(topic: Topic.requests(.interactive), key: key, value: value)])
        var found: Record?
        while found == nil, let batch = try await reader.nextBatch() { found = batch.first { $0.key == key } }
        reader.stop()
        await producer.close()
        let letter = try #require(found)
        #expect(letter.value == value)
        #expect(letter.headers["kafka_dlt-original-topic"] == Topic.requests(.interactive))
        #expect(letter.headers["kafka_dlt-exception-fqcn"] == "ContractError.missing_field")
    }
}

extension String {
    fileprivate var withoutID: String { replacing(#""id": "", "#, with: "") }
}
