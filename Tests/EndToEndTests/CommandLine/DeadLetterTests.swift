import Contracts
import Foundation
import MessageBus
import Testing

extension `Whole suite` {
    /// Writes a dead letter like a service.
    private func putAway(_ record: Record, _ code: ContractError.Code, in suite: Suite) async throws {
        let error = ContractError(code, "end to end")
        try await suite.send([
            DeadLetter.record(from: record, consumerGroup: "winnow.end-to-end", error: error, attempt: 1)
        ])
    }

    private func request(_ id: String) -> Record {
        let event = CloudEvent(
            id: id, type: "winnow.request.v1", source: "/test", correlationID: id,
            data: Array(Self.payload(id: id, ["28014"]).utf8))
        let record = event.record(topic: Topic.requests(.interactive), key: Array(id.utf8))
        return Record(
            topic: record.topic, partition: 0, offset: 0, timestamp: .now, key: record.key, value: record.value,
            headers: record.headers)
    }

    private func listed(_ suite: Suite, _ arguments: [String] = []) async throws -> [[String: Any]] {
        let result = try await suite.winnow(["dead-letters", "list", "--json"] + arguments)
        try #require(result.status == 0, "\(result.errors)")
        return try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
    }

    @Test
    func `a record that was put off is answered once it is due`() async throws {
        let suite = try await Suite.shared()
        let id = "put-off-\(UUID())"
        try await suite.send([Retry.record(from: request(id), notBefore: .now)])
        try await Eventually.holds("the record that was put off is answered", within: .seconds(30)) {
            try await suite.query("SELECT state FROM winnow.request WHERE event_id = '\(id)'") == "completed"
        }
    }

    @Test
    func `a dead letter is listed, shown, replayed and answered`() async throws {
        let suite = try await Suite.shared()
        let id = "replayed-\(UUID())"
        try await putAway(request(id), .unknownChannel, in: suite)
        let letter = try #require(try await listed(suite).first { $0["request_id"] as? String == id })
        #expect(letter["reason"] as? String == "ContractError.unknown_channel")
        #expect(letter["original_topic"] as? String == Topic.requests(.interactive))
        let place = try #require(letter["id"] as? String)
        #expect(try await !suite.winnow(["dead-letters", "show", place]).output.contains("28014"))
        #expect(try await suite.winnow(["dead-letters", "show", place, "--payload"]).output.contains("28014"))
        #expect(try await suite.winnow(["dead-letters", "replay", place]).status == 0)
        try await Eventually.holds("the replayed request is answered", within: .seconds(30)) {
            try await suite.query("SELECT state FROM winnow.request WHERE event_id = '\(id)'") == "completed"
        }
        #expect(try await !listed(suite).contains { $0["id"] as? String == place })
    }

    @Test
    func `dead letters discarded by their reason are listed no more, and others are`() async throws {
        let suite = try await Suite.shared()
        let ids = (0..<3).map { "discarded-\($0)-\(UUID())" }
        for id in ids.dropLast() { try await putAway(request(id), .emptyText, in: suite) }
        try await putAway(request(ids[2]), .expired, in: suite)
        #expect(try await listed(suite, ["--reason", "ContractError.empty_text"]).count == 2)
        let done = try await suite.winnow(["dead-letters", "discard", "--reason", "ContractError.empty_text", "--json"])
        #expect(done.objects.map { $0["disposition"] as? String } == ["discarded", "discarded"])
        #expect(try await listed(suite, ["--reason", "ContractError.empty_text"]).isEmpty)
        #expect(try await listed(suite).contains { $0["request_id"] as? String == ids[2] })
        #expect(try await suite.winnow(["dead-letters", "discard", "0-99999999"]).status == 1)
    }
}
