import Foundation
import Testing

extension `Whole suite` {
    /// The stranger's models are those of another task under a new name, because training takes too long for a test.
    @Test
    func `a capability that nobody has built in is applied, served, certified and taken back without a restart`()
        async throws
    {
        let suite = try await Suite.shared()
        let stranger = try await Stranger(suite)
        #expect(try await stranger.ask("before").status == "rejected")

        let tried = try await suite.winnow(["catalog", "apply", stranger.file, "--dry-run"])
        #expect(tried.status == 0 && tried.output.contains("customer-support/contact-reason"), "\(tried.errors)")
        #expect(try await stranger.ask("dry run").status == "rejected")
        let applied = try await suite.winnow(["catalog", "apply", stranger.file])
        #expect(applied.status == 0, "\(applied.output) \(applied.errors)")
        #expect(applied.output.contains("customer-support/contact-reason"))
        let again = try await suite.winnow(["catalog", "apply", stranger.file])
        #expect(again.output.contains("Nothing changes"))
        let registered = try await stranger.winnow(["models", "register"])
        #expect(registered.status == 0, "\(registered.errors)")
        try await stranger.leaveOpen()
        let refused = try await suite.winnow(["catalog", "apply", stranger.builtIn])
        #expect(refused.status == 1 && refused.errors.contains("customer-support/contact-reason"), "\(refused.errors)")
        let worker = try await suite.launch("capability-worker", with: ["WINNOW_CAPABILITY": "customer-support"])
        try await worker.ready()

        // Without a certificate, the stranger's own full model answers each item.
        try await Eventually.holds("the new capability is asked and answered", within: .seconds(60)) {
            let answer = try await stranger.ask("full")
            return answer.status == "completed" && answer.decidedBy == "full"
                && answer.model?.hasPrefix("customer-support-full@") == true
        }
        let certified = try await stranger.certify()
        #expect(certified.status == 0, "\(certified.errors)")
        try await Eventually.holds("its small model answers", within: .seconds(60)) {
            let answer = try await stranger.ask("small")
            return answer.decidedBy == "worker" && answer.model?.hasPrefix("customer-support@") == true
        }

        try await stranger.allAreClosed()
        let taken = try await suite.winnow(["catalog", "apply", stranger.builtIn])
        #expect(taken.status == 0, "\(taken.output) \(taken.errors)")
        try await Eventually.holds("the capability is unknown again", within: .seconds(60)) {
            try await stranger.ask("after").status == "rejected"
        }
        let history = try await suite.winnow(["catalog", "history", "--json"])
        let versions = try JSONSerialization.jsonObject(with: Data(history.output.utf8)) as? [[String: Any]]
        #expect(versions?.count == 3, "the dry run and the refused application are no versions")
        #expect(await worker.terminate() == 0)
        await suite.forget(worker)
    }
}

/// A capability of somebody else, with models in the suite's folder of models.
private struct Stranger {
    struct Answer {
        var status: String?
        var decidedBy: String?
        var model: String?
    }

    let suite: Suite
    /// The folder of the built-in capabilities.
    let builtIn = Repository.root.appending(path: "infra/capabilities").path
    private let folder: URL

    /// The stranger's capability alone.
    var file: String { folder.appending(path: "capabilities/customer-support/capability.json").path }

    init(_ suite: Suite) async throws {
        self.suite = suite
        folder = suite.modelsDirectory.deletingLastPathComponent().appending(path: "stranger")
        let capability = folder.appending(path: "capabilities/customer-support")
        try FileManager.default.createDirectory(at: capability, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: builtIn) {
            try FileManager.default.createSymbolicLink(
                atPath: folder.appending(path: "capabilities/\(name)").path, withDestinationPath: "\(builtIn)/\(name)")
        }
        let labels = ["benign", "command_injection", "cross_site_scripting", "path_traversal", "sql_injection"]
            .map { #"{"name": "\#($0)", "description": "A reason to write."}"# }
        try """
        {
          "name": "customer-support", "title": "Customer support", "description": "Sorts what customers write.",
          "tasks": [{
            "name": "contact-reason", "title": "Reason", "description": "Says why a customer writes.", "unit": "value",
            "output": {"kind": "label", "labels": [\(labels.joined(separator: ", "))]},
            "comparator": "tieShare", "models": {"small": "customer-support", "full": "customer-support-full"},
            "longText": {"rule": "anyFinding", "clean": "benign"}
          }]
        }
        """.write(to: capability.appending(path: "capability.json"), atomically: true, encoding: .utf8)
        for (source, name) in [("security-services", "customer-support"), ("full", "customer-support-full")] {
            let made = try await Command.run(
                URL(filePath: "/usr/bin/python3"),
                [
                    Repository.root.appending(path: "Tests/EndToEndTests/Support/rename_head.py").path,
                    Repository.root.appending(path: "infra/models/\(source)").path,
                    suite.modelsDirectory.appending(path: name).path, "security-services/payload",
                    "customer-support/contact-reason",
                ], environment: suite.environment)
            guard made.status == 0 else { throw SuiteFault("no model \(name): \(made.errors)") }
        }
    }

    /// Runs the command line with the stranger's capability among the files.
    func winnow(_ arguments: [String]) async throws -> Command.Result {
        var environment = suite.environment
        environment["WINNOW_CAPABILITIES_DIRECTORY"] = folder.appending(path: "capabilities").path
        return try await Command.run(
            Repository.binaries.appending(path: "winnow"), arguments, environment: environment)
    }

    func ask(_ text: String) async throws -> Answer {
        let result = try #require(try await suite.submit([request(UUID().uuidString)]).objects.first, "\(text)")
        let steps = result["steps"] as? [[String: Any]]
        let item = (steps?.first?["items"] as? [[String: Any]])?.first
        return Answer(
            status: result["status"] as? String, decidedBy: item?["decidedBy"] as? String,
            model: item?["model"] as? String)
    }

    /// Sends a request that nobody answers before the worker runs.
    func leaveOpen() async throws {
        try await Eventually.holds("a request of the new capability is open", within: .seconds(60)) {
            _ = try await suite.winnow(["submit"], input: Array(request(UUID().uuidString).utf8))
            return try await open() > 0
        }
    }

    func allAreClosed() async throws {
        try await Eventually.holds("every request of the capability is answered", within: .seconds(60)) {
            try await open() == 0
        }
    }

    private func open() async throws -> Int {
        let count = try await suite.query(
            "SELECT count(*) FROM winnow.open_routes() WHERE capability = 'customer-support'")
        return Int(count) ?? 0
    }

    private func request(_ id: String) -> String {
        """
        {"id": "\(id)", "steps": [{"capability": "customer-support", "task": "contact-reason", "items": ["28014"]}]}
        """
    }

    func certify() async throws -> Command.Result {
        let lines = (0..<600).map { number in
            let kinds = [
                "28%", "maria gonzalez %", "john.smith%@example.org", "2026-11-%", "% novak street", "petrova%",
            ]
            let text = kinds[number % kinds.count].replacing("%", with: "\(number)")
            return #"{"capability": "customer-support", "task": "contact-reason", "text": "\#(text)"}"#
        }
        let file = folder.appending(path: "calibration.jsonl")
        try lines.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
        return try await winnow(["certify", "--capability", "customer-support", "--data", file.path])
    }
}
