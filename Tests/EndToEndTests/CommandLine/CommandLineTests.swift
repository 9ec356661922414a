import Foundation
import Testing

extension `Whole suite` {
    @Test
    func `evaluate measures suite, full and small model on a labelled file`() async throws {
        let suite = try await Suite.shared()
        let file = FileManager.default.temporaryDirectory.appending(path: "labelled-\(UUID()).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        let lines = [("28014", "benign"), ("calle mayor", "benign"), ("1' OR '1'='1", "sql_injection")].map {
            #"{"capability": "security-services", "task": "payload", "text": "\#($0)", "label": "\#($1)"}"#
        }
        try lines.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
        let result = try await suite.winnow(["evaluate", "--data", file.path, "--json"])
        #expect(result.status == 0)
        let report = try #require(result.objects.first)
        let task = try #require((report["tasks"] as? [[String: Any]])?.first)
        #expect(task["n"] as? Int == 3)
        for name in ["suiteAccuracy", "fullAccuracy", "smallAccuracy", "agreement", "escalationRate", "computeShare"] {
            let figure = try #require(task[name] as? [String: Double])
            let (value, low, high) = try (
                #require(figure["value"]), #require(figure["low"]), #require(figure["high"])
            )
            #expect(low <= value && value <= high)
        }
        #expect((task["suiteAccuracy"] as? [String: Double])?["value"] == 1)
        // A test tenant is charged and counts as no saving.
        let charged = try await suite.query(
            "SELECT sum(calls) > 0 FROM ops.daily_cost WHERE tenant = 'winnow-evaluate'")
        let saved = try await suite.query("SELECT count(*) FROM ops.savings WHERE tenant = 'winnow-evaluate'")
        #expect(charged == "t" && saved == "0")
        let costs = try await suite.winnow(["costs", "--by", "tenant"])
        #expect(costs.status == 0, "\(costs.errors)")
        #expect(costs.output.contains("full model alone, each request once") && costs.output.contains("CPU seconds"))
    }

    @Test
    func `report writes one page of a labelled file`() async throws {
        let suite = try await Suite.shared()
        let folder = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.appending(path: "items.jsonl"), page = folder.appending(path: "report.html")
        let lines = (0..<24).map {
            #"{"capability": "security-services", "task": "payload", "text": "\#(28_000 + $0)", "label": "benign"}"#
        }
        try lines.joined(separator: "\n").write(to: data, atomically: true, encoding: .utf8)
        let words = ["report", "--data", data.path, "--out", page.path]
        let result = try await suite.winnow(words + ["--json"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains(#""task":"security-services/payload","items":24,"unanswered":0"#))
        let html = try String(contentsOf: page, encoding: .utf8)
        #expect(html.contains("security-services/payload") && html.hasSuffix("</html>\n"))
        #expect(!html.contains("28007"))
        let elsewhere = try await suite.winnow(["report", "--data", data.path, "--out", "/nowhere/report.html"])
        #expect(elsewhere.status == 1)
        #expect(elsewhere.errors.contains("/nowhere/report.html: No such file or directory"))
    }

    @Test
    func `rank says what the next cut would save, and what no capability fits`() async throws {
        let suite = try await Suite.shared()
        let verbs = ["knit", "paint", "carve", "weave", "forge", "bake"]
        let requests = verbs.map { #"{"text": "zyxw canary \#($0) qqq"}"# }
        #expect(try await suite.submit(requests, tenant: "rank-\(UUID())").status == 0)
        let ranked = try await suite.winnow(["rank", "--propose", "--json"])
        #expect(ranked.status == 0, "\(ranked.errors)")
        let body = try #require(
            try JSONSerialization.jsonObject(with: Data(ranked.output.utf8)) as? [String: Any])
        let tasks = try #require(body["tasks"] as? [[String: Any]])
        #expect(!tasks.isEmpty)
        #expect(tasks.allSatisfy { ($0["reason"] as? String)?.isEmpty == false })
        #expect(body["proposals"] is [[String: Any]])
        #expect(!(ranked.output + ranked.errors).contains("canary"))
        #expect(try await suite.winnow(["rank"]).status == 0)
    }

    @Test(arguments: ["capability", "task", "model", "tenant", "hour"])
    func `costs are shown by everything that they can be grouped by`(grouping: String) async throws {
        let suite = try await Suite.shared()
        _ = try await suite.submit([Self.payload(id: UUID().uuidString, ["28014"])])
        let result = try await suite.winnow(["costs", "--by", grouping, "--json"])
        #expect(result.status == 0)
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
        #expect(!rows.isEmpty)
        #expect(rows.allSatisfy { $0[grouping] != nil && $0["cost_pico_usd"] is NSNumber })
    }

    /// An integrator's id may be a UUID, like Winnow's own ids.
    @Test(arguments: ["trace-\(UUID())", "\(UUID())".lowercased()])
    func `trace tells a request's story by either of its ids`(id: String) async throws {
        let suite = try await Suite.shared()
        let answer = try #require(try await suite.submit([Self.payload(id: id, ["28014"])]).objects.first)
        let request = try #require(answer["requestId"] as? String)
        let byRequest = try await suite.winnow(["trace", request, "--json"])
        let byEvent = try await suite.winnow(["trace", id, "--json"])
        #expect(byRequest.status == 0)
        #expect(byRequest.output == byEvent.output)
        #expect(!byRequest.output.contains("28014"))
        #expect(try await suite.winnow(["trace", "no-such-request"]).status == 1)
    }

    @Test
    func `doctor finds nothing to do on a running suite`() async throws {
        let suite = try await Suite.shared()
        let result = try await suite.winnow(["doctor"])
        #expect(result.status == 0, "\(result.output)")
    }

    @Test(arguments: [
        ["sing"], ["submit", "--what"], ["submit", "--lane", "fast"], ["costs", "--by", "colour"], ["trace"],
        ["topics", "drop"],
    ])
    func `wrong usage ends with 2`(arguments: [String]) async throws {
        let suite = try await Suite.shared()
        #expect(try await suite.winnow(arguments).status == 2)
    }
}
