import Foundation
import Testing

extension `Whole suite` {
    /// The catalog may leave the cuts that the router is not sure of, and the routes of the parts, to a language model.
    @Test(.timeLimit(.minutes(3)))
    func `items that the router is not sure of are cut and routed by an endpoint`() async throws {
        let suite = try await Suite.shared()
        let folder = suite.endpointsDirectory.deletingLastPathComponent().appending(path: "routing")
        let builtIn = Repository.root.appending(path: "infra/capabilities")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let server = try ModelServer.scripted(in: folder)
        try #"""
        {"baseURL": "\#(server.address)/v1", "model": "mock",
         "prices": [{"from": "2026-01-01T00:00:00Z", "input": "2", "output": "10"}]}
        """#.write(
            to: suite.endpointsDirectory.appending(path: "planner.json"), atomically: true, encoding: .utf8)
        let capabilities = folder.appending(path: "capabilities")
        try FileManager.default.copyItem(at: builtIn, to: capabilities)
        // With 1, the place of every item is in doubt.
        try #"{"full": "endpoint:planner", "splitBelow": 1}"#.write(
            to: capabilities.appending(path: "decomposition.json"), atomically: true, encoding: .utf8)
        let applied = try await suite.winnow(["catalog", "apply", capabilities.path])
        #expect(applied.status == 0, "\(applied.output) \(applied.errors)")
        #expect(applied.output.contains("full model: full → endpoint:planner"))
        let shown = try await suite.winnow(["catalog", "show", "--applied"])
        #expect(shown.output.contains("endpoint:planner routes, and cuts"), "\(shown.output)")

        let text = "Play some jazz in the kitchen and set an alarm for seven."
        var result: [String: Any] = [:]
        // The services follow the catalog at their own pace.
        try await Eventually.holds("the endpoint is asked", within: .seconds(30)) {
            let body = #"{"id": "\#(UUID().uuidString)", "text": "\#(text)"}"#
            result = try #require(try await suite.submit([body]).objects.first)
            return try await suite.query("SELECT count(*) FROM winnow.attempt WHERE model = 'endpoint:planner'") != "0"
        }
        #expect(result["status"] as? String == "completed", "\(result)")
        let request = try #require(result["requestId"] as? String)
        let parts = ["Play some jazz in the kitchen", "and set an alarm for seven."]
        let items = try Self.items(of: result)
        #expect(Set(items.compactMap { $0["text"] as? String }) == Set(parts))
        for item in items {
            let span = try #require(item["span"] as? [Int])
            #expect(String(Array(text)[span[0]..<span[1]]) == item["text"] as? String)
        }
        let stored = try await suite.query(
            """
            SELECT string_agg(item ->> 'text', '|' ORDER BY place)
            FROM winnow.step, jsonb_array_elements(items::jsonb) WITH ORDINALITY AS i (item, place)
            WHERE request_id = '\(request)' AND capability = 'decomposition'
            """)
        #expect(stored == parts.joined(separator: "|"))
        #expect(
            try await suite.query(
                """
                SELECT string_agg(kind || ' ' || state, ',') FROM winnow.attempt
                WHERE request_id = '\(request)' AND model = 'endpoint:planner'
                """) == "full settled")

        let taken = try await suite.winnow(["catalog", "apply", builtIn.path])
        #expect(taken.status == 0, "\(taken.output) \(taken.errors)")
        server.kill()
    }
}
