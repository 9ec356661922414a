import Foundation
import Testing

/// Real requests with real processes, a real broker protocol, a real database and the real models.
@Suite(.serialized)
struct `Whole suite` {
    @Test
    func `a compound wish is cut, routed and answered, with spans of its text`() async throws {
        let suite = try await Suite.shared()
        let text = "what is my credit limit and then set a timer for ten minutes"
        let id = UUID().uuidString
        let result = try await suite.submit([#"{"id": "\#(id)", "text": "\#(text)"}"#])
        let answer = try #require(result.objects.first)
        #expect(result.status == 0)
        #expect(answer["id"] as? String == id)
        #expect(answer["status"] as? String == "completed")
        let items = try Self.items(of: answer)
        #expect(items.compactMap { $0["label"] as? String } == ["credit_limit", "timer"])
        for item in items {
            let span = try #require(item["span"] as? [Int])
            let scalars = Array(text.unicodeScalars)[span[0]..<span[1]]
            #expect(String(String.UnicodeScalarView(scalars)) == item["text"] as? String)
            #expect(["worker", "full"].contains(item["decidedBy"] as? String))
            #expect((item["model"] as? String)?.contains("@") == true)
        }
    }

    @Test
    func `a machine request skips the language stage and pays nothing for it`() async throws {
        let suite = try await Suite.shared()
        let result = try await suite.submit([Self.payload(id: UUID().uuidString, ["calle mayor 12", "1' OR '1'='1"])])
        let answer = try #require(result.objects.first)
        #expect(try Self.items(of: answer).compactMap { $0["label"] as? String } == ["benign", "sql_injection"])
        let request = try #require(answer["requestId"] as? String)
        let kinds = try await suite.query(
            "SELECT string_agg(DISTINCT kind::text, ',' ORDER BY kind::text) FROM winnow.attempt WHERE request_id = '\(request)'"
        )
        #expect(!kinds.contains("router"))
        #expect(kinds.contains("worker"))
    }

    @Test
    func `the ledger's sum is the result's cost, and what its sums say`() async throws {
        let suite = try await Suite.shared()
        let tenant = "sums-\(UUID())"
        let result = try await suite.submit(
            [#"{"text": "tell me a joke, and how is the weather in Rome"}"#], tenant: tenant)
        let answer = try #require(result.objects.first)
        let cost = try #require(answer["cost"] as? [String: Any])
        let request = try #require(answer["requestId"] as? String)
        let ledger = try await suite.query(
            """
            SELECT sum(cost_pico_usd) || ' ' || sum(full_model_cost_pico_usd)
            FROM winnow.attempt WHERE request_id = '\(request)' AND kind <> 'shadow'
            """)
        let sums = try await suite.query(
            """
            SELECT sum(cost_pico_usd) || ' ' || sum(full_model_cost_pico_usd)
            FROM ops.capability_cost WHERE tenant = '\(tenant)' AND kind <> 'shadow'
            """)
        let own = try #require(cost["picoUSD"] as? Int)
        let full = try #require(cost["fullModelPicoUSD"] as? Int)
        #expect(own > 0)
        #expect(ledger == "\(own) \(full)")
        #expect(sums == ledger)
    }

    @Test
    func `the items of an attachment are found, and each says where it stands`() async throws {
        let suite = try await Suite.shared()
        let contract =
            #"1. This Agreement shall be governed by the laws of the State of New York.\n"#
            + "2. Neither party may assign this Agreement without the prior written consent of the other party."
        let result = try await suite.submit([
            #"{"text": "Please look at this.", "attachments": [{"name": "a.txt", "mediaType": "text/plain", "text": "\#(contract)"}]}"#
        ])
        let items = try Self.items(of: try #require(result.objects.first)).filter { $0["source"] as? String == "a.txt" }
        #expect(Set(items.compactMap { $0["text"] as? String }).count == 2)
    }

    @Test
    func `a step waits for the one that it depends on`() async throws {
        let suite = try await Suite.shared()
        let result = try await suite.submit([
            #"""
            {"steps": [{"capability": "security-services", "task": "payload", "items": ["28014"]}, {"capability": "security-services", "task": "payload", "items": ["sanchez"], "dependsOn": [0]}]}
            """#
        ])
        let answer = try #require(result.objects.first)
        #expect(answer["status"] as? String == "completed")
        let request = try #require(answer["requestId"] as? String)
        let isOrdered = try await suite.query(
            """
            SELECT bool_and(b.dispatched_at >= a.settled_at) FROM winnow.step a JOIN winnow.step b USING (request_id)
            WHERE a.ordinal = 0 AND b.ordinal = 1 AND request_id = '\(request)'
            """)
        #expect(isOrdered == "t")
    }

    @Test
    func `an item takes its text from the answer of another capability`() async throws {
        let suite = try await Suite.shared()
        let submitted = try await suite.submit([
            #"""
            {"steps": [{"capability": "semantic-understanding", "task": "intent", "items": [{"from": 1, "item": 1}, {"from": 1}]}, {"capability": "security-services", "task": "payload", "items": ["28014", "1' OR 1=1--"]}]}
            """#,
            #"{"steps": [{"capability": "security-services", "task": "payload", "items": [{"from": 1}]}]}"#,
        ])
        let result = try #require(submitted.objects.first { $0["status"] as? String != "rejected" })
        #expect(result["status"] as? String == "completed", "\(result)")
        let items = try Self.items(of: result)
        let labels = items.map { $0["label"] as? String }
        #expect(labels.suffix(2) == ["benign", "sql_injection"])
        #expect(items.map { $0["text"] as? String } == ["sql_injection", "sql_injection", "28014", "1' OR 1=1--"])
        #expect(items.map { $0["from"] as? Int } == [1, 1, nil, nil])
        #expect(items.map { $0["item"] as? Int } == [1, 1, nil, nil])
        #expect(labels.allSatisfy { $0 != nil })
        let rejected = try #require(submitted.objects.first { $0["status"] as? String == "rejected" })
        #expect((rejected["error"] as? String)?.hasPrefix("invalid_plan: ") == true)
    }

    static func payload(id: String, _ items: [String]) -> String {
        let texts = items.map { "\"\($0)\"" }.joined(separator: ", ")
        return
            #"{"id": "\#(id)", "steps": [{"capability": "security-services", "task": "payload", "items": [\#(texts)]}]}"#
    }

    static func items(of answer: [String: Any]) throws -> [[String: Any]] {
        let steps = try #require(answer["steps"] as? [[String: Any]])
        return steps.flatMap { $0["items"] as? [[String: Any]] ?? [] }
    }
}
