import Foundation
import Testing

extension `Whole suite` {
    /// A task that nobody has trained a model for begins with a language model alone.
    @Test(.timeLimit(.minutes(5)))
    func `a language model answers labels, texts and JSON, is charged by its tokens, and may go away and come back`()
        async throws
    {
        let suite = try await Suite.shared()
        let feedback = try Feedback(suite)
        let model = try ModelServer.language(log: feedback.log)
        try feedback.write(model.address)
        // llama.cpp enforces schemas, and tells probabilities and tokens.
        let tested = try await suite.winnow(["models", "test", "smol"])
        #expect(tested.status == 0, "\(tested.output) \(tested.errors)")
        for finding in ["enforced: ", "confidence is measured", "told: ", "USD, for 3 requests"] {
            #expect(tested.output.contains(finding), "\(finding): \(tested.output)")
        }
        let applied = try await suite.winnow(["catalog", "apply", feedback.file])
        #expect(applied.status == 0, "\(applied.output) \(applied.errors)")
        #expect(applied.output.contains("endpoint:smol"))

        // The services follow the catalog at their own pace.
        try await Eventually.holds("the new tasks are accepted", within: .seconds(30)) {
            try await suite.submit([feedback.request(["mood"])]).objects.first?["status"] as? String == "completed"
        }
        let asked = try await suite.submit([feedback.request(["mood", "summary", "facts"])])
        let result = try #require(asked.objects.first)
        #expect(result["status"] as? String == "completed", "\(result)")
        let items = try Self.items(of: result)
        let outputs = items.compactMap { $0["output"] as? [String: Any] }
        #expect(outputs.map { $0["kind"] as? String } == ["label", "text", "json"])
        #expect(["happy", "angry"].contains(outputs.first?["label"] as? String))
        #expect(items.first?["label"] as? String == outputs.first?["label"] as? String)
        #expect((outputs.dropFirst().first?["text"] as? String)?.isEmpty == false)
        #expect(((outputs.last?["json"] as? [String: Any])?["product"] as? String) != nil)
        // llama.cpp gives the probabilities of tokens, from which the label's is computed.
        let confidence = try #require(items.first?["confidence"] as? Double)
        #expect(confidence > 0 && confidence <= 1)
        #expect(items.allSatisfy { $0["decidedBy"] as? String == "full" })
        #expect(items.allSatisfy { ($0["model"] as? String)?.hasPrefix("endpoint:smol@") == true })

        // 2 USD for a million input tokens and 10 for output tokens, as the server counted them.
        let request = try #require(result["requestId"] as? String)
        let ledger = try await suite.query(
            """
            SELECT bool_and(cost_pico_usd = 2000000 * input_tokens + 10000000 * output_tokens)
                AND bool_and(NOT is_estimated AND state = 'settled' AND output_tokens > 0)
                AND sum(cost_pico_usd) = sum(full_model_cost_pico_usd) AND count(*) >= 3
            FROM winnow.attempt WHERE request_id = '\(request)'
            """)
        #expect(ledger == "t")
        let cost = try #require(result["cost"] as? [String: Any])
        let sum = try await suite.query(
            "SELECT sum(cost_pico_usd) FROM winnow.attempt WHERE request_id = '\(request)'")
        #expect(cost["picoUSD"] as? Int == Int(sum))

        // The mood of what the model has written itself.
        let chained = try await suite.submit([feedback.chain])
        let links = try Self.items(of: try #require(chained.objects.first))
        #expect(links.count == 2 && links.allSatisfy { $0["output"] != nil }, "\(chained.output) \(chained.errors)")
        let written = (links.first?["output"] as? [String: Any])?["text"] as? String
        #expect(links.last?["text"] as? String == written && written != nil)
        #expect(links.last?["from"] as? Int == 0)

        // While the server is away a step waits, and nothing else does.
        model.kill()
        async let waiting = suite.submit([feedback.request(["mood"])])
        try await Eventually.holds("the circuit is open", within: .seconds(60)) {
            let metrics = try await suite.services("escalator").first?.http("/metrics").body ?? ""
            return metrics.contains(#"winnow_endpoint_breaker_state{endpoint="smol"} 2"#)
        }
        let away = try await suite.winnow(["models", "test", "smol"])
        #expect(away.status == 1 && away.output.contains("unreachable"), "\(away.output)")
        let doctor = try await suite.winnow(["doctor"])
        #expect(doctor.output.contains("unreachable"), "\(doctor.output)")
        let failures = "SELECT sum((failures ->> 'unreachable')::int) > 0 FROM ops.endpoint WHERE endpoint = 'smol'"
        #expect(try await suite.query(failures) == "t")
        let other = try await suite.submit([Self.payload(id: UUID().uuidString, ["calle mayor 12"])])
        #expect(other.objects.first?["status"] as? String == "completed")
        let again = try ModelServer.language(port: model.port, log: feedback.log)
        let late = try await waiting
        #expect(late.objects.first?["status"] as? String == "completed", "\(late.output) \(late.errors)")
        again.kill()

        let taken = try await suite.winnow([
            "catalog", "apply", Repository.root.appending(path: "infra/capabilities").path,
        ])
        #expect(taken.status == 0, "\(taken.output) \(taken.errors)")
    }
}

/// A capability whose only model is a language model.
private struct Feedback {
    private let suite: Suite
    private let folder: URL

    var file: String { folder.appending(path: "capability.json").path }
    var log: URL { folder.appending(path: "language-model.log") }

    init(_ suite: Suite) throws {
        self.suite = suite
        folder = suite.endpointsDirectory.deletingLastPathComponent().appending(path: "feedback")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Writes the files of the capability and of its endpoint.
    func write(_ address: String) throws {
        func task(_ name: String, _ description: String, _ output: String, _ comparator: String) -> String {
            """
            {"name": "\(name)", "title": "\(name)", "description": "\(description)", "unit": "document",
             "output": \(output), "comparator": "\(comparator)", "models": {"full": "endpoint:smol"},
             "limits": {"maxTokens": 40}}
            """
        }
        let tasks = [
            task(
                "mood", "Says how the customer feels.",
                #"{"kind": "label", "labels": [{"name": "happy", "description": "Likes it."}, {"name": "angry", "description": "Complains."}]}"#,
                "exact"),
            task("summary", "Sums up the message in one short sentence.", #"{"kind": "text"}"#, "normalizedText"),
            task(
                "facts", "Names the product of the message.",
                #"{"kind": "json", "schema": {"type": "object", "properties": {"product": {"type": "string", "maxLength": 20}}, "required": ["product"], "additionalProperties": false}}"#,
                "json"),
        ]
        let capability = """
            {"name": "feedback", "title": "Feedback", "description": "Reads what customers write about products.",
             "tasks": [\(tasks.joined(separator: ", "))]}
            """
        try capability.write(toFile: file, atomically: true, encoding: .utf8)
        let endpoint = """
            {"baseURL": "\(address)/v1", "model": "smollm2", "retries": {"most": 1, "firstDelaySeconds": 0.05},
             "timeouts": {"wholeSeconds": 60}, "breaker": {"consecutiveFailures": 2, "openSeconds": 1},
             "prices": [{"from": "2026-01-01T00:00:00Z", "input": "2", "output": "10"}]}
            """
        try endpoint.write(
            to: suite.endpointsDirectory.appending(path: "smol.json"), atomically: true, encoding: .utf8)
    }

    /// A message, its summary, and the mood of the summary.
    var chain: String {
        #"""
        {"id": "\#(UUID().uuidString)", "steps": [\#(step("summary")), {"capability": "feedback", "task": "mood", "items": [{"from": 0}]}]}
        """#
    }

    private func step(_ task: String) -> String {
        #"{"capability": "feedback", "task": "\#(task)", "items": ["The new lamp is broken and I want my money back."]}"#
    }

    func request(_ tasks: [String]) -> String {
        let steps = tasks.map(step)
        return #"{"id": "\#(UUID().uuidString)", "steps": [\#(steps.joined(separator: ", "))]}"#
    }
}
