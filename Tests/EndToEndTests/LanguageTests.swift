import Foundation
import Testing

extension `Whole suite` {
    @Test(.timeLimit(.minutes(3)))
    func `a language that nobody was cut for is told, unless the catalog says that a full model understands it`()
        async throws
    {
        let suite = try await Suite.shared()
        let notice = try Notice(suite)
        let model = try ModelServer.scripted([("kündigen", ["cancellation"])], in: notice.folder)
        // Every built-in capability was cut for English.
        let told = try await suite.submit([
            Self.machine("semantic-understanding", "intent", Notice.german),
            #"{"id": "\#(UUID().uuidString)", "text": "\#(Notice.german)"}"#,
        ])
        #expect(told.objects.count == 2, "\(told.output) \(told.errors)")
        for result in told.objects {
            #expect(result["status"] as? String == "completed", "\(result)")
            let item = try #require(try Self.items(of: result).first)
            #expect(item["label"] as? String == "unsupported_language", "\(item)")
            #expect(item["evidence"] as? String == "none" && item["confidence"] == nil)
            let request = try #require(result["requestId"] as? String)
            let calls = "SELECT count(*) FROM winnow.attempt WHERE kind <> 'router' AND request_id = '\(request)'"
            #expect(try await suite.query(calls) == "0")
            let saved = "SELECT coalesce(sum(full_model_cost_pico_usd), 0) FROM winnow.attempt"
            #expect(try await suite.query("\(saved) WHERE request_id = '\(request)'") == "0")
        }
        let metrics = try await suite.services("semantic-understanding-worker").first?.http("/metrics").body ?? ""
        let counter = #"winnow_items_other_language_total{capability="semantic-understanding",language="de","#
        #expect(metrics.contains(counter + #"verdict="unsupported"}"#))

        try notice.write(model.address)
        let applied = try await suite.winnow(["catalog", "apply", notice.file])
        #expect(applied.status == 0, "\(applied.output) \(applied.errors)")
        let shown = try await suite.winnow(["catalog", "show", "notices", "--applied"])
        #expect(shown.output.contains("were cut for en. Its full models understand de as well."), "\(shown.output)")
        try await Eventually.holds("the full model answers German", within: .seconds(60)) {
            let answered = try await suite.submit([Self.machine("notices", "kind", Notice.german)])
            let item = try answered.objects.first.flatMap { try Self.items(of: $0).first }
            return item?["label"] as? String == "cancellation" && item?["decidedBy"] as? String == "full"
        }
        let asked = try await model.asked()
        let french = try await suite.submit([Self.machine("notices", "kind", Notice.french)])
        let item = try Self.items(of: try #require(french.objects.first)).first
        #expect(item?["label"] as? String == "unsupported_language")
        #expect(try await model.asked() == asked)

        model.kill()
        let taken = try await suite.winnow([
            "catalog", "apply", Repository.root.appending(path: "infra/capabilities").path,
        ])
        #expect(taken.status == 0, "\(taken.output) \(taken.errors)")
    }

    private static func machine(_ capability: String, _ task: String, _ text: String) -> String {
        #"{"id": "\#(UUID().uuidString)", "steps": [{"capability": "\#(capability)", "task": "\#(task)", "items": ["\#(text)"]}]}"#
    }
}

/// A capability for English whose full model, an endpoint, also understands German.
private struct Notice {
    static let german = "Ich möchte meinen Vertrag zum Ende des Monats kündigen."
    static let french = "Je voudrais résilier mon contrat à la fin du mois."

    let folder: URL
    private let suite: Suite
    var file: String { folder.appending(path: "capability.json").path }

    init(_ suite: Suite) throws {
        self.suite = suite
        folder = suite.endpointsDirectory.deletingLastPathComponent().appending(path: "notices")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func write(_ address: String) throws {
        let capability = """
            {"name": "notices", "title": "Notices", "description": "Reads what customers write about contracts.",
             "languages": ["en"], "fullLanguages": ["de"],
             "tasks": [{"name": "kind", "title": "Kind", "description": "Says what the customer wants.",
               "unit": "utterance", "comparator": "exact", "models": {"full": "endpoint:polyglot"},
               "output": {"kind": "label", "labels": [{"name": "cancellation", "description": "Ends a contract."},
                 {"name": "question", "description": "Asks something."}]}}]}
            """
        try capability.write(toFile: file, atomically: true, encoding: .utf8)
        try #"{"baseURL": "\#(address)/v1", "model": "m"}"#.write(
            to: suite.endpointsDirectory.appending(path: "polyglot.json"), atomically: true, encoding: .utf8)
    }
}
