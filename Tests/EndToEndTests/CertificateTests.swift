import Foundation
import Testing

extension `Whole suite` {
    /// Who decided one item of a task that a certificate came for with the models.
    private func decider(_ suite: Suite) async throws -> String? {
        let answer = try #require(
            try await suite.submit([Self.payload(id: UUID().uuidString, ["28014"])]).objects.first)
        return try Self.items(of: answer).first?["decidedBy"] as? String
    }

    @Test
    func `a revoked certificate has a task escalate, and a new one lets it answer again, both without a restart`()
        async throws
    {
        let suite = try await Suite.shared()
        try await Eventually.holds("the certificates of the models are taken up", within: .seconds(30)) {
            try await decider(suite) == "worker"
        }
        let listed = try await suite.winnow(["certificates", "--json"])
        #expect(listed.status == 0, "\(listed.errors)")
        let rows = try #require(
            try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]])
        let row = try #require(rows.first { $0["task"] as? String == "security-services/payload" })
        #expect(row["holds"] as? String == "yes")
        let id = try #require(row["id"] as? String)
        let revoked = try await suite.winnow(["certificates", "revoke", id, "--why", "a test"])
        #expect(revoked.status == 0, "\(revoked.errors)")
        try await Eventually.holds("everything escalates", within: .seconds(30)) {
            try await decider(suite) == "full"
        }
        let worker = try #require(await suite.services("security-services-worker").first)
        #expect(
            try await worker.http("/metrics").body
                .contains(#"winnow_certificate_valid{capability="security-services",task="payload"} 0"#))
        #expect(try suite.logs().values.contains { $0.contains("No certificate holds: everything escalates") })
        let doctor = try await suite.winnow(["doctor"])
        #expect(doctor.status == 0)
        #expect(doctor.output.contains("none for these models: everything escalates"))
        let certified = try await certify(suite, count: 600)
        #expect(certified.status == 0, "\(certified.errors)")
        try await Eventually.holds("the new certificate is taken up", within: .seconds(30)) {
            try await decider(suite) == "worker"
        }
        #expect(
            try await suite.query(
                "SELECT string_agg(state, ' ' ORDER BY version) FROM ops.certificate WHERE task = 'payload'")
                == "revoked standing")
    }

    @Test
    func `what too few items cannot show is not certified, and ends with 3`() async throws {
        let suite = try await Suite.shared()
        let result = try await certify(suite, count: 100)
        #expect(result.status == 3)
        #expect(result.errors.contains("would do, or another cut"))
        #expect(try await suite.winnow(["certificates", "revoke", "0123456789abcdef", "--why", "x"]).status == 1)
    }

    /// Without labels, which are not needed.
    private func certify(_ suite: Suite, count: Int) async throws -> Command.Result {
        let file = FileManager.default.temporaryDirectory.appending(path: "calibration-\(UUID()).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        let lines = (0..<count).map {
            #"{"capability": "security-services", "task": "payload", "text": "\#(28_000 + $0)"}"#
        }
        try lines.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
        return try await suite.winnow(["certify", "--capability", "security-services", "--data", file.path])
    }
}
