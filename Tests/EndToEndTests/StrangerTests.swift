import Foundation
import Testing

extension `Whole suite` {
    /// A folder with one capability's file and its models is all that somebody brings. Both models were made by
    /// `make model` for this file alone, and its route head by `winnow catalog refit` (Fixtures/customer-support).
    @Test
    func `a capability that nobody has built in is applied, served, certified and taken back without a restart`()
        async throws
    {
        let suite = try await Suite.shared()
        let stranger = try Stranger(suite)
        // Other tests may have applied versions of their own.
        let before = try await stranger.versions()
        #expect(try await stranger.ask().status == "rejected")
        #expect(try await stranger.write().isEmpty, "nobody routes to a task that is not in the catalog")

        let tried = try await suite.winnow(["catalog", "apply", stranger.file, "--dry-run"])
        #expect(tried.status == 0 && tried.output.contains("customer-support/contact-reason"), "\(tried.errors)")
        #expect(try await stranger.ask().status == "rejected")
        let foreign = try await suite.winnow(["catalog", "apply", try stranger.fileOfAnotherRouter()])
        #expect(foreign.status == 1 && foreign.output.contains("another router"), "\(foreign.output)")
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
            let answer = try await stranger.ask()
            return answer.status == "completed" && answer.decidedBy == "full"
                && answer.model?.hasPrefix("customer-support-full@") == true
        }
        // The decomposer follows the catalog too: the route head finds the task of a person's text.
        try await Eventually.holds("people's texts find the task", within: .seconds(60)) {
            try await stranger.write() == ["card_arrival"]
        }
        let certified = try await stranger.certify()
        #expect(certified.status == 0, "\(certified.output) \(certified.errors)")
        try await Eventually.holds("its small model answers", within: .seconds(60)) {
            let answer = try await stranger.ask()
            return answer.decidedBy == "worker" && answer.model?.hasPrefix("customer-support@") == true
        }

        try await stranger.allAreClosed()
        let taken = try await suite.winnow(["catalog", "apply", stranger.builtIn])
        #expect(taken.status == 0, "\(taken.output) \(taken.errors)")
        try await Eventually.holds("the capability is unknown again", within: .seconds(60)) {
            try await stranger.ask().status == "rejected"
        }
        #expect(try await stranger.write().isEmpty)
        #expect(try await stranger.versions() == before + 2, "dry runs and refused applications are no versions")
        #expect(await worker.terminate() == 0)
        await suite.forget(worker)
    }
}

/// A capability of somebody else: one file, and models in the suite's folder of models.
private struct Stranger {
    struct Answer {
        var status: String?
        var decidedBy: String?
        var model: String?
    }

    static let text = "My new card has still not arrived, where is it?"

    let suite: Suite
    /// The folder of the built-in capabilities.
    let builtIn = Repository.root.appending(path: "infra/capabilities").path
    private let folder: URL

    /// The stranger's capability, which is alone in its folder.
    var file: String { folder.appending(path: "capabilities/customer-support/capability.json").path }

    init(_ suite: Suite) throws {
        self.suite = suite
        folder = suite.modelsDirectory.deletingLastPathComponent().appending(path: "stranger")
        let fixture = Repository.root.appending(path: "Tests/EndToEndTests/Fixtures/customer-support")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: fixture.appending(path: "capabilities"), to: folder.appending(path: "capabilities"))
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture.appending(path: "models").path) {
            try FileManager.default.copyItem(
                at: fixture.appending(path: "models/\(name)"), to: suite.modelsDirectory.appending(path: name))
        }
    }

    /// The same capability with a head that names another router.
    func fileOfAnotherRouter() throws -> String {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let router = try #require(text.firstMatch(of: /"router": "([0-9a-f]{16})"/)).1
        let place = folder.appending(path: "foreign.json")
        try text.replacing(router, with: "0123456789abcdef").write(to: place, atomically: true, encoding: .utf8)
        return place.path
    }

    /// Runs the command line with the stranger's capability as the only file.
    func winnow(_ arguments: [String]) async throws -> Command.Result {
        var environment = suite.environment
        environment["WINNOW_CAPABILITIES_DIRECTORY"] = folder.appending(path: "capabilities").path
        return try await Command.run(
            Repository.binaries.appending(path: "winnow"), arguments, environment: environment)
    }

    /// Asks as a machine, which names the task.
    func ask() async throws -> Answer {
        let result = try #require(try await suite.submit([request(UUID().uuidString)]).objects.first)
        let steps = result["steps"] as? [[String: Any]]
        let item = (steps?.first?["items"] as? [[String: Any]])?.first
        return Answer(
            status: result["status"] as? String, decidedBy: item?["decidedBy"] as? String,
            model: item?["model"] as? String)
    }

    /// Writes as a person, who names nothing.
    /// - Returns: the labels that the stranger's task gives the text.
    func write() async throws -> [String] {
        let line = #"{"id": "\#(UUID().uuidString)", "text": "\#(Self.text)"}"#
        let result = try #require(try await suite.submit([line]).objects.first)
        #expect(result["status"] as? String == "completed")
        let steps = (result["steps"] as? [[String: Any]] ?? []).filter {
            $0["capability"] as? String == "customer-support" && $0["task"] as? String == "contact-reason"
        }
        return steps.flatMap { $0["items"] as? [[String: Any]] ?? [] }.compactMap { $0["label"] as? String }
    }

    /// Sends a request that nobody answers before the worker runs.
    func leaveOpen() async throws {
        try await Eventually.holds("a request of the new capability is open", within: .seconds(60)) {
            _ = try await suite.winnow(["submit"], input: Array(request(UUID().uuidString).utf8))
            return try await open() > 0
        }
    }

    /// How many versions of the catalog there are.
    func versions() async throws -> Int {
        let history = try await suite.winnow(["catalog", "history", "--json"])
        return (try JSONSerialization.jsonObject(with: Data(history.output.utf8)) as? [[String: Any]])?.count ?? 0
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
        let step = #"{"capability": "customer-support", "task": "contact-reason", "items": ["\#(Self.text)"]}"#
        return #"{"id": "\#(id)", "steps": [\#(step)]}"#
    }

    func certify() async throws -> Command.Result {
        let kinds = [
            "I ordered my card % days ago and it has not arrived", "why was I charged % for the same thing twice",
            "I forgot my passcode after % days", "please close my account number %", "my top up of % failed again",
            "I want a refund of % for what I bought", "what is the fee of % for taking out cash at the machine",
            "the transfer of % never reached my friend",
        ]
        let lines = (0..<640).map { number in
            let text = kinds[number % kinds.count].replacing("%", with: "\(number)")
            return #"{"capability": "customer-support", "task": "contact-reason", "text": "\#(text)"}"#
        }
        let file = folder.appending(path: "calibration.jsonl")
        try lines.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
        return try await winnow(["certify", "--capability", "customer-support", "--data", file.path])
    }
}
