import Foundation
import Testing

extension `Whole suite` {
    /// The small model of a task of texts is a language model, and a third one says whether its texts will do.
    @Test(.timeLimit(.minutes(3)))
    func `a small endpoint writes texts under a certificate of a judge, and the certificate says whose word it is`()
        async throws
    {
        let suite = try await Suite.shared()
        let folder = suite.endpointsDirectory.deletingLastPathComponent().appending(path: "digests")
        let file = folder.appending(path: "capabilities/digests/capability.json")
        let items = folder.appending(path: "items.jsonl")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        // Only the judge gets two answers to compare.
        let server = try ModelServer.scripted([(#""first":"#, ["same"])], in: folder)
        for name in ["digest-little", "digest-big", "digest-fair"] {
            try #"""
            {"baseURL": "\#(server.address)/v1", "model": "\#(name)",
             "prices": [{"from": "2026-01-01T00:00:00Z", "input": "2", "output": "10"}]}
            """#.write(
                to: suite.endpointsDirectory.appending(path: "\(name).json"), atomically: true, encoding: .utf8)
        }
        try #"""
        {"name": "digests", "title": "Digests", "description": "Sums up messages.", "tasks": [
          {"name": "digest", "title": "Digest", "description": "Sums up a message in one sentence.",
           "unit": "document", "output": {"kind": "text"}, "comparator": "judge",
           "models": {"small": "endpoint:digest-little", "full": "endpoint:digest-big",
                      "judge": "endpoint:digest-fair"}}]}
        """#.write(to: file, atomically: true, encoding: .utf8)
        try (0..<80).map { #"{"capability": "digests", "task": "digest", "text": "message \#($0) about lamps"}"# }
            .joined(separator: "\n").write(to: items, atomically: true, encoding: .utf8)
        var environment = suite.environment
        environment["WINNOW_CAPABILITIES_DIRECTORY"] = folder.appending(path: "capabilities").path
        let certified = try await Command.run(
            Repository.binaries.appending(path: "winnow"),
            ["certify", "--capability", "digests", "--data", items.path, "--agreement", "0.9"],
            environment: environment)
        #expect(certified.status == 0, "\(certified.output) \(certified.errors)")
        #expect(certified.errors.contains("asking endpoint:digest-fair has cost"))
        let judge = try await suite.query(
            "SELECT body ->> 'judge' FROM winnow.certificate WHERE capability = 'digests'")
        #expect(judge.hasPrefix("endpoint:digest-fair@"))

        let applied = try await suite.winnow(["catalog", "apply", file.path])
        #expect(applied.status == 0, "\(applied.output) \(applied.errors)")
        var item: [String: Any] = [:]
        try await Eventually.holds("the small endpoint writes", within: .seconds(60)) {
            let step = #"{"capability": "digests", "task": "digest", "items": ["another message"]}"#
            let result = try await suite.submit([#"{"id": "\#(UUID().uuidString)", "steps": [\#(step)]}"#])
            item = try result.objects.first.flatMap { try Self.items(of: $0).first } ?? [:]
            return item["decidedBy"] as? String == "worker"
        }
        #expect(((item["output"] as? [String: Any])?["text"] as? String)?.hasPrefix("digest-little writes") == true)
        #expect(item["confidence"] == nil)

        let taken = try await suite.winnow([
            "catalog", "apply", Repository.root.appending(path: "infra/capabilities").path,
        ])
        #expect(taken.status == 0, "\(taken.output) \(taken.errors)")
        server.kill()
    }
}
