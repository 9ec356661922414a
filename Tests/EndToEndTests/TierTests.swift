import Foundation
import Testing

extension `Whole suite` {
    /// Small and middle model are the encoders of the stranger, and the full model is a language model.
    @Test(.timeLimit(.minutes(5)))
    func `each tier answers what it is sure of, and a revoked certificate switches its own tier off`() async throws {
        let suite = try await Suite.shared()
        let task = try TieredTask(suite, "middle")
        let full = try ModelServer.scripted(task.answers, in: task.folder)
        try task.write(small: "tier-small", middle: "tier-middle", full: "endpoint:tier-full")
        try task.write(endpoint: "tier-full", full.address)
        try await task.apply()
        #expect(try await task.winnow(["models", "register"]).status == 0)
        let worker = try await suite.launch("capability-worker", with: ["WINNOW_CAPABILITY": "customer-support"])
        try await worker.ready()
        try await Eventually.holds("without certificates the full model answers", within: .seconds(60)) {
            try await task.ask(TieredTask.each).map(\.decidedBy) == ["full", "full", "full"]
        }

        // The small model is made surer than it has to be, so that something is left open.
        try await task.certifySmall(acceptThreshold: 0.9999)
        let certified = try await task.winnow(["certify", "--tier", "middle"] + task.calibration)
        #expect(certified.status == 0, "\(certified.output) \(certified.errors)")
        #expect(certified.errors.contains("the small model leaves"))
        var request = ""
        // The aggregator reads prices that are new within ten seconds.
        try await Eventually.holds("every tier answers, and has its price", within: .seconds(60)) {
            let answers = try await task.ask(TieredTask.each)
            request = answers.first?.request ?? ""
            let priced = try await task.rows(of: request, where: "cost_pico_usd > 0").count
            return answers.map(\.decidedBy) == ["worker", "middle", "full"]
                && answers.map(\.label) == ["passcode_forgotten", "lost_or_stolen_phone", "cash_withdrawal_charge"]
                && priced == 3
        }
        #expect(
            try await task.rows(of: request) == [
                "1 worker settled 3", "2 middle settled 2", "3 full settled 1",
            ])
        // Each item is counted once: the worker's attempt counts all.
        let counted =
            "SELECT count(*) FROM winnow.attempt WHERE request_id = '\(request)' AND full_model_cost_pico_usd > 0"
        #expect(try await suite.query(counted) == "1")
        #expect(try await suite.query("SELECT middle_pico_usd > 0 FROM ops.savings WHERE tenant = 'default'") == "t")
        let listed = try await task.winnow(["certificates", "--json"])
        let rows = try #require(
            try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]])
        // Other tests have certificates of other models for the same task.
        let own = rows.filter {
            $0["task"] as? String == "customer-support/contact-reason" && $0["holds"] as? String == "yes"
        }
        #expect(own.count == 2, "\(listed.output)")
        let doctor = try await task.winnow(["doctor"])
        #expect(doctor.output.contains("certificate of customer-support/contact-reason, middle model"))

        let id = try #require(
            own.first { ($0["small_model"] as? String)?.hasPrefix("customer-support-full@") == true }?["id"] as? String)
        #expect(try await task.winnow(["certificates", "revoke", id, "--why", "a test"]).status == 0)
        try await Eventually.holds("the middle model is off, and the small one is not", within: .seconds(60)) {
            try await task.ask(TieredTask.each).map(\.decidedBy) == ["worker", "full", "full"]
        }
        full.kill()
        #expect(await suite.end([worker]) == [0])
        try await task.takeAway()
    }

    /// The small model is a language model, so the task has no worker.
    @Test(.timeLimit(.minutes(5)))
    func `a small endpoint is asked first, and a crash before the full model answers pays nothing twice`()
        async throws
    {
        let suite = try await Suite.shared()
        let task = try TieredTask(suite, "endpoint")
        let small = try ModelServer.scripted(task.answers, in: task.folder),
            full = try ModelServer.scripted(task.answers, in: task.folder)
        try task.write(small: "endpoint:tier-little", full: "endpoint:tier-big")
        // Three answers that agree are the evidence.
        try task.write(endpoint: "tier-little", small.address, #", "samples": 3, "topLogprobs": 0"#)
        try task.write(endpoint: "tier-big", full.address)
        let certified = try await task.winnow(["certify"] + task.calibration)
        #expect(certified.status == 0, "\(certified.output) \(certified.errors)")
        #expect(certified.errors.contains("asking endpoint:tier-little has cost"))
        try await task.apply()
        try await Eventually.holds("the small endpoint answers what it is sure of", within: .seconds(60)) {
            let answers = try await task.ask(TieredTask.sureAndUnsure)
            return answers.map(\.decidedBy) == ["worker", "full"]
                && answers.map(\.model).map { $0.prefix { $0 != "@" } } == [
                    "endpoint:tier-little", "endpoint:tier-big",
                ]
        }

        full.kill()
        let asked = try await small.asked()
        async let waiting = task.ask(TieredTask.sureAndUnsure)
        // Two items, and three answers to each.
        let settled = """
            SELECT count(*) FROM winnow.attempt AS a JOIN winnow.request AS r USING (request_id)
            WHERE r.state = 'open' AND a.capability = 'customer-support' AND a.kind = 'worker' AND a.state = 'settled'
            """
        try await Eventually.holds("the small endpoint is paid for", within: .seconds(30)) {
            try await suite.query(settled) == "6"
        }
        let escalator = try #require(await suite.services("escalator").first)
        await escalator.kill()
        await suite.forget(escalator)
        let again = try ModelServer.scripted(task.answers, in: task.folder, port: full.port)
        try await suite.launch("escalator").ready()
        let late = try await waiting
        #expect(late.map(\.decidedBy) == ["worker", "full"])
        #expect(try await small.asked() == asked + 6)
        let request = try #require(late.first?.request)
        #expect(try await task.rows(of: request).filter { $0.contains("worker settled") }.count == 6)
        #expect(try await task.rows(of: request).filter { $0.contains("full settled") }.count == 1)
        // Each of the two items is counted once.
        let counted = """
            SELECT string_agg(kind::text, ' ' ORDER BY kind) FROM winnow.attempt
            WHERE request_id = '\(request)' AND full_model_cost_pico_usd > 0
            """
        #expect(try await suite.query(counted) == "worker full")
        for server in [small, again] { server.kill() }
        try await task.takeAway()
    }
}

/// The stranger's task with other models.
private struct TieredTask {
    struct Answer: Sendable {
        var decidedBy: String
        var label: String
        var model: String
        var request: String
    }

    /// Each is for another tier: both encoders are sure of the first, the middle one of the second, and none of the last.
    static let each = ["I forgot my passcode after 3 days", "somebody took my phone 7 days ago", "cash 3"]
    /// The server is unsure of the second.
    static let sureAndUnsure = ["I forgot my passcode after 3 days", "does it cost me anything"]

    /// What is asked, in many variations, and its label.
    private static let kinds = [
        ("I ordered my card % days ago and it has not arrived", "ordered my card", "card_arrival"),
        ("why was I charged % for the same thing twice", "charged", "transaction_charged_twice"),
        ("I forgot my passcode after % days", "passcode", "passcode_forgotten"),
        ("please close my account number %", "close my account", "terminate_account"),
        ("my top up of % failed again", "top up", "top_up_failed"),
        ("I want a refund of % for what I bought", "refund", "request_refund"),
        ("what is the fee of % for taking out cash at the machine", "taking out cash", "cash_withdrawal_charge"),
        ("the transfer of % never reached my friend", "transfer", "transfer_not_received_by_recipient"),
        ("somebody took my phone % days ago", "took my phone", "lost_or_stolen_phone"),
    ]

    let suite: Suite
    let folder: URL
    private var file: URL { folder.appending(path: "capabilities/customer-support/capability.json") }
    private var items: URL { folder.appending(path: "calibration.jsonl") }
    private let fixture = Repository.root.appending(path: "Tests/EndToEndTests/Fixtures/customer-support")

    var answers: [(part: String, labels: [String])] {
        Self.kinds.map { ($0.1, [$0.2]) } + [
            ("cash", ["cash_withdrawal_charge"]),
            ("cost me", ["cash_withdrawal_charge", "request_refund", "top_up_failed"]),
        ]
    }

    var calibration: [String] { ["--capability", "customer-support", "--data", items.path] }

    init(_ suite: Suite, _ name: String) throws {
        self.suite = suite
        folder = suite.modelsDirectory.deletingLastPathComponent().appending(path: "tiers-\(name)")
        let manager = FileManager.default
        try manager.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        for (name, source) in [("tier-small", "customer-support"), ("tier-middle", "customer-support-full")] {
            let place = suite.modelsDirectory.appending(path: name)
            if manager.fileExists(atPath: place.path) { continue }
            try manager.copyItem(at: fixture.appending(path: "models/\(source)"), to: place)
        }
        let lines = (0..<1080).map { number in
            let text = Self.kinds[number % Self.kinds.count].0.replacing("%", with: "\(number)")
            return #"{"capability": "customer-support", "task": "contact-reason", "text": "\#(text)"}"#
        }
        try lines.joined(separator: "\n").write(to: items, atomically: true, encoding: .utf8)
    }

    func write(small: String, middle: String? = nil, full: String) throws {
        let shipped = fixture.appending(path: "capabilities/customer-support/capability.json")
        let text = try String(contentsOf: shipped, encoding: .utf8)
        let between = middle.map { #""middle": "\#($0)", "# } ?? ""
        let models = #""models": {"small": "\#(small)", \#(between)"full": "\#(full)"}"#
        try text.replacing(/"models": \{[^}]*\}/, with: models).write(to: file, atomically: true, encoding: .utf8)
    }

    func write(endpoint name: String, _ address: String, _ members: String = "") throws {
        let text = """
            {"baseURL": "\(address)/v1", "model": "m", "retries": {"most": 1, "firstDelaySeconds": 0.05},
             "breaker": {"consecutiveFailures": 2, "openSeconds": 1},
             "prices": [{"from": "2026-01-01T00:00:00Z", "input": "2", "output": "10"}]\(members)}
            """
        try text.write(
            to: suite.endpointsDirectory.appending(path: "\(name).json"), atomically: true, encoding: .utf8)
    }

    /// Runs the command line with this task's capability as the only file.
    func winnow(_ arguments: [String]) async throws -> Command.Result {
        var environment = suite.environment
        environment["WINNOW_CAPABILITIES_DIRECTORY"] = folder.appending(path: "capabilities").path
        return try await Command.run(
            Repository.binaries.appending(path: "winnow"), arguments, environment: environment)
    }

    func apply() async throws {
        let applied = try await suite.winnow(["catalog", "apply", file.path])
        #expect(applied.status == 0, "\(applied.output) \(applied.errors)")
    }

    func takeAway() async throws {
        let taken = try await suite.winnow([
            "catalog", "apply", Repository.root.appending(path: "infra/capabilities").path,
        ])
        #expect(taken.status == 0, "\(taken.output) \(taken.errors)")
    }

    /// Certifies the small model, and registers its certificate with another threshold.
    func certifySmall(acceptThreshold: Double) async throws {
        let place = suite.modelsDirectory.appending(path: "tier-small/certificates.jsonl")
        let certified = try await winnow(["certify", "--out", place.path] + calibration)
        #expect(certified.status == 0, "\(certified.output) \(certified.errors)")
        let line = try String(contentsOf: place, encoding: .utf8)
        try line.replacing(/"acceptThreshold":[0-9.e-]+/, with: #""acceptThreshold":\#(acceptThreshold)"#)
            .write(to: place, atomically: true, encoding: .utf8)
        #expect(try await winnow(["models", "register"]).status == 0)
    }

    /// - Returns: an answer for each text; empty if the request was not answered.
    func ask(_ texts: [String]) async throws -> [Answer] {
        let items = texts.map { #""\#($0)""# }.joined(separator: ", ")
        let step = #"{"capability": "customer-support", "task": "contact-reason", "items": [\#(items)]}"#
        let result = try #require(
            try await suite.submit([#"{"id": "\#(UUID().uuidString)", "steps": [\#(step)]}"#]).objects.first)
        guard result["status"] as? String == "completed" else { return [] }
        return try `Whole suite`.items(of: result).map { item in
            Answer(
                decidedBy: item["decidedBy"] as? String ?? "", label: item["label"] as? String ?? "",
                model: item["model"] as? String ?? "", request: result["requestId"] as? String ?? "")
        }
    }

    /// The ledger's rows of a request: number, kind, state and items.
    func rows(of request: String, where condition: String = "true") async throws -> [String] {
        let rows = """
            SELECT number || ' ' || kind || ' ' || state || ' ' || items FROM winnow.attempt
            WHERE request_id = '\(request)' AND kind <> 'shadow' AND \(condition) ORDER BY number
            """
        return try await suite.query(rows).split(separator: "\n").map(String.init)
    }
}
