import Foundation
import Testing

extension `Whole suite` {
    /// The model that decided one item of a task with a shipped certificate.
    private func decider(_ suite: Suite, tenant: String? = nil) async throws -> String? {
        let request = Self.payload(id: UUID().uuidString, ["28014"])
        let answered =
            if let tenant { try await suite.submit([request], tenant: tenant) } else {
                try await suite.submit([request])
            }
        let answer = try #require(answered.objects.first)
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
        #expect(try suite.logs().values.contains { $0.contains("No certificate is valid, so everything escalates") })
        let doctor = try await suite.winnow(["doctor"])
        #expect(doctor.status == 0)
        #expect(doctor.output.contains("none for these models, so everything escalates"))
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

    /// Sends ends of tags instead of parameter values: the small model is as sure of them as of values, and often wrong.
    @Test
    func `input of a tenant that drifts is noticed in the background, and the certificate is revoked for this tenant`()
        async throws
    {
        let suite = try await Suite.shared()
        try await Eventually.holds("the task's certificate is taken up", within: .seconds(30)) {
            try await decider(suite) == "worker"
        }
        let id = try await suite.query(
            "SELECT certificate_id FROM ops.certificate WHERE task = 'payload' AND state = 'standing'")
        let tenant = "drift-\(UUID())"
        var requests = 0
        try await Eventually.holds("the certificate is revoked for the tenant", within: .seconds(90)) {
            requests += 1
            let answered = try await suite.submit(
                [Self.tagEnds(id: UUID().uuidString, number: requests)], tenant: tenant)
            #expect(answered.objects.map { $0["status"] as? String } == ["completed"])
            return try await suite.query("SELECT tenant FROM ops.tenant_revocation WHERE certificate_id = '\(id)'")
                == tenant
        }
        // A few items that differ may be enough to revoke it. The other drawn items are still being compared at that
        // time.
        try await Eventually.holds("what was compared shows why", within: .seconds(30)) {
            try await suite.query(
                """
                SELECT reason LIKE 'live agreement %, promised 99.0%' AND agreement_high < promised AND disagreed > 1
                    AND state = 'revoked'
                FROM ops.tenant_agreement WHERE certificate_id = '\(id)' AND tenant = '\(tenant)'
                """) == "t"
        }
        #expect(
            try await suite.query("SELECT min(agreement) < 0.99 FROM ops.agreement WHERE tenant = '\(tenant)'") == "t")
        try await Eventually.holds("the tenant's traffic escalates", within: .seconds(30)) {
            try await decider(suite, tenant: tenant) == "full"
        }
        #expect(try await decider(suite) == "worker")
        #expect(
            try await suite.query("SELECT state FROM ops.certificate WHERE certificate_id = '\(id)'") == "standing")
        let listed = try await suite.winnow(["certificates", "tenants", "--json"])
        #expect(listed.status == 0 && listed.output.contains(tenant))
        // About one text in a hundred was compared, each at most once, and no request pays for it.
        #expect(
            try await suite.query(
                """
                SELECT count(*) BETWEEN 1 AND (SELECT sum(items) / 30 FROM winnow.attempt
                    WHERE tenant_id = '\(tenant)' AND kind = 'worker')
                FROM winnow.shadow_text WHERE tenant_id = '\(tenant)'
                """) == "t")
        #expect(
            try await suite.query(
                """
                SELECT sum(r.cost_pico_usd) = (SELECT sum(cost_pico_usd) FROM winnow.attempt
                    WHERE tenant_id = '\(tenant)' AND kind <> 'shadow')
                FROM winnow.request AS r WHERE r.tenant_id = '\(tenant)'
                """) == "t")
        #expect(try suite.logs().values.contains { $0.contains("Certificate revoked for a tenant") })
        #expect(try await certify(suite, count: 600).status == 0)
        try await Eventually.holds("a new certificate is taken up for the tenant, too", within: .seconds(30)) {
            try await decider(suite, tenant: tenant) == "worker"
        }
    }

    /// A request of 1,024 different items, which also differ from the items of every other number.
    private static func tagEnds(id: String, number: Int) -> String {
        let steps = (0..<16).map { step in
            let items = (0..<64).map { #""</\#(1024 * number + 64 * step + $0)""# }
            return
                #"{"capability": "security-services", "task": "payload", "items": [\#(items.joined(separator: ", "))]}"#
        }
        return #"{"id": "\#(id)", "steps": [\#(steps.joined(separator: ", "))]}"#
    }

    @Test
    func `what too few items cannot show is not certified, and ends with 3`() async throws {
        let suite = try await Suite.shared()
        let result = try await certify(suite, count: 100)
        #expect(result.status == 3)
        #expect(result.errors.contains("suffice, or a better model"))
        #expect(try await suite.winnow(["certificates", "revoke", "0123456789abcdef", "--why", "x"]).status == 1)
    }

    /// The items have no labels, which are not needed.
    private func certify(_ suite: Suite, count: Int) async throws -> Command.Result {
        let file = FileManager.default.temporaryDirectory.appending(path: "calibration-\(UUID()).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        // The items are as varied as values, so the threshold is not that of the surest items alone.
        let lines = (0..<count).map { number in
            let kinds = [
                "28%", "maria gonzalez %", "john.smith%@example.org", "2026-11-%", "% novak street", "petrova%",
            ]
            let text = kinds[number % kinds.count].replacing("%", with: "\(number)")
            return #"{"capability": "security-services", "task": "payload", "text": "\#(text)"}"#
        }
        try lines.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
        return try await suite.winnow(["certify", "--capability", "security-services", "--data", file.path])
    }
}
