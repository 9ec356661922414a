import Foundation
import Testing

extension `Whole suite` {
    @Test
    func `a bulk request is answered by way of the bulk lane's topics, and its trace says so`() async throws {
        let suite = try await Suite.shared()
        let before = try await Self.taken(suite)
        // One request for the small and the full model, and one that must be routed.
        let lines = [
            Self.payload(id: UUID().uuidString, ["calle mayor 12", "1' OR '1'='1"]),
            #"{"text": "Water boils at a lower temperature on high mountains."}"#,
        ]
        let result = try await suite.submit(lines, options: ["--lane", "bulk"])
        #expect(result.status == 0, "\(result.errors)")
        let answers = result.objects
        #expect(answers.map { $0["status"] as? String } == ["completed", "completed"])
        #expect(try Self.items(of: answers[0]).compactMap { $0["label"] as? String } == ["benign", "sql_injection"])
        for answer in answers {
            let request = try #require(answer["requestId"] as? String)
            #expect(try await suite.query("SELECT lane FROM ops.request WHERE request_id = '\(request)'") == "bulk")
            #expect(try await suite.winnow(["trace", request]).output.contains(", bulk"))
        }
        let after = try await Self.taken(suite)
        for topic in ["bulk-requests", "bulk-steps.security-services", "bulk-escalations", "bulk-outcomes"] {
            #expect(after["winnow.\(topic).v1"] ?? 0 > before["winnow.\(topic).v1"] ?? 0, "\(topic)")
        }
    }

    @Test
    func `bulk work that waits holds up no interactive request`() async throws {
        let suite = try await Suite.shared()
        let prefix = "bulk-\(UUID())"
        let clause = "This Agreement shall be governed by and construed in accordance with the laws of Delaware."
        let items = [String](repeating: "\"\(clause)\"", count: 64).joined(separator: ", ")
        let lines = (0..<60).map {
            #"{"id": "\#(prefix)-\#($0)", "steps": [{"capability": "legal-services", "task": "clause-type", "items": [\#(items)]}]}"#
        }
        let sent = try await suite.winnow(
            ["submit", "--lane", "bulk"], input: Array(lines.joined(separator: "\n").utf8))
        #expect(sent.status == 0, "\(sent.errors)")
        let id = UUID().uuidString
        let now = try await suite.submit([
            #"{"id": "\#(id)", "steps": [{"capability": "legal-services", "task": "clause-type", "items": ["\#(clause)"]}]}"#
        ])
        #expect(now.objects.first?["status"] as? String == "completed")
        try await Eventually.holds("all bulk requests are answered", within: .seconds(120)) {
            try await suite.query(
                "SELECT count(*) FROM winnow.request WHERE event_id LIKE '\(prefix)%' AND state = 'completed'") == "60"
        }
        let overtaken = try await suite.query(
            """
            SELECT count(*) FROM winnow.request AS b, winnow.request AS i
            WHERE b.event_id LIKE '\(prefix)%' AND i.event_id = '\(id)' AND b.completed_at > i.completed_at
            """)
        #expect(Int(overtaken) ?? 0 > 0)
    }

    /// The number of records that were consumed, by topic.
    private static func taken(_ suite: Suite) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for name in Suite.names {
            for service in await suite.services(name) {
                for line in try await service.http("/metrics").body.split(separator: "\n")
                where line.hasPrefix("winnow_kafka_consumed_records_total{") {
                    let topic = line.split(separator: "\"").dropFirst(3).first.map(String.init) ?? ""
                    counts[topic, default: 0] += Int(line.split(separator: " ").last ?? "") ?? 0
                }
            }
        }
        return counts
    }
}
