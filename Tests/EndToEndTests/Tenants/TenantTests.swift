import Contracts
import Foundation
import MessageBus
import Testing

extension `Whole suite` {
    /// Computes nothing until all requests of flood and quiet tenants have arrived, so that the test only asserts the
    /// order. The decomposer is killed while it parks requests.
    @Test
    func `ten quiet tenants are answered while the flood of another waits, all of it by way of the topic`() async throws
    {
        let suite = try await Suite.shared()
        let prefix = "tenants-\(UUID())"
        let (floodCount, quietCount) = (3000, 50)
        let settings = ["WINNOW_INTAKE_WINDOW": "100", "WINNOW_TENANT_WINDOW": "10"]
        try await replace("decomposer", with: settings)
        let workers = await suite.services("security-services-worker")
        _ = await suite.end(workers)
        try await suite.send((0..<floodCount).map { request("\(prefix)-flood-\($0)", tenant: "\(prefix)-flood") })
        try await Eventually.holds("a part of the flood is parked", within: .seconds(60)) {
            try await suite.query("SELECT count(*) FROM winnow.submission WHERE tenant_id = '\(prefix)-flood'") != "0"
        }
        for decomposer in await suite.services("decomposer") {
            await decomposer.kill()
            await suite.forget(decomposer)
        }
        try await suite.launch("decomposer", with: settings).ready()
        try await suite.send(
            (0..<quietCount).map { request("\(prefix)-quiet-\($0)", tenant: "\(prefix)-quiet-\($0 % 10)") })
        try await Eventually.holds("the quiet tenants' requests are accepted behind the flood", within: .seconds(60)) {
            try await suite.query("SELECT count(*) FROM winnow.request WHERE event_id LIKE '\(prefix)-quiet%'") == "50"
        }
        let listed = try await suite.winnow(["tenants", "list", "--json"])
        #expect(listed.output.contains(#"{"tenant":"\#(prefix)-quiet-7","weight":1,"open_requests":5,"waiting_"#))
        let open = try await suite.query("SELECT count(*) FROM winnow.request WHERE tenant_id = '\(prefix)-flood'")
        #expect(try #require(Int(open)) <= 100)

        let unwanted = "\(prefix)-flood-\(floodCount - 1)"
        let isWaiting = "SELECT count(*) FROM winnow.submission WHERE event_id = '\(unwanted)' AND sent_at IS NULL"
        try await Eventually.holds("the end of the flood waits", within: .seconds(60)) {
            try await suite.query(isWaiting) == "1"
        }
        #expect(try await suite.winnow(["cancel", unwanted]).status == 0)

        try await suite.launch("security-services-worker").ready()
        try await Eventually.holds("all is answered", within: .seconds(120)) {
            let count = "SELECT count(*) FROM winnow.request WHERE event_id LIKE '\(prefix)%' AND state <> 'open'"
            return try await suite.query(count) == "\(floodCount + quietCount)"
        }
        let ahead = try await suite.query(
            """
            SELECT count(*) FROM winnow.request WHERE tenant_id = '\(prefix)-flood' AND completed_at <= (
                SELECT max(completed_at) FROM winnow.request WHERE event_id LIKE '\(prefix)-quiet%')
            """)
        #expect(try #require(Int(ahead)) < floodCount / 4, "\(ahead) of \(floodCount) of the flood went ahead")
        let states = try await suite.query(
            """
            SELECT string_agg(state || ' ' || n, ', ' ORDER BY n) FROM (
                SELECT state, count(*) AS n FROM winnow.request WHERE event_id LIKE '\(prefix)%' GROUP BY 1) AS s
            """)
        #expect(states == "cancelled 1, completed \(floodCount + quietCount - 1)")
        let charges = try await suite.query(
            """
            SELECT count(*), count(DISTINCT request_id) FROM winnow.attempt JOIN winnow.request USING (request_id)
            WHERE event_id LIKE '\(prefix)%' AND kind = 'worker'
            """)
        #expect(charges == "\(floodCount + quietCount - 1)|\(floodCount + quietCount - 1)")
        try await Eventually.holds("nothing waits any more", within: .seconds(20)) {
            try await suite.query("SELECT count(*) FROM winnow.submission") == "0"
        }
        try await replace("decomposer", with: [:])
    }

    /// Replaces the running processes of a service by processes with other settings.
    private func replace(_ name: String, with settings: [String: String]) async throws {
        let suite = try await Suite.shared()
        let before = await suite.services(name)
        let codes = await suite.end(before)
        #expect(codes == before.map { _ in 0 })
        try await suite.launch(name, with: settings).ready()
    }

    private func request(_ id: String, tenant: String) -> OutgoingRecord {
        let event = CloudEvent(
            id: id, type: "winnow.request.v1", source: "/test", authID: tenant,
            data: Array(Self.payload(id: id, ["28014"]).utf8))
        return event.record(topic: Topic.requests(.interactive), key: Array(id.utf8))
    }

    @Test
    func `a tenant whose budget is spent gets what its policy says, and others do not notice`() async throws {
        let suite = try await Suite.shared()
        let tenant = "budget-\(UUID())"
        // No model is sure of a meaningless text, so it escalates.
        func ask(_ tenant: String) async throws -> [String: Any] {
            let line = #"""
                {"id": "\#(UUID())", "steps": [{"capability": "software-development", "task": "issue-type", "items": ["?"]}]}
                """#
            return try #require(try await suite.submit([line], tenant: tenant).objects.first)
        }
        func item(_ answer: [String: Any]) throws -> [String: Any] { try #require(try Self.items(of: answer).first) }
        #expect(try item(try await ask(tenant))["decidedBy"] as? String == "full")
        let set = try await suite.winnow([
            "budget", "set", tenant, "--period", "month", "--limit", "1", "--policy", "degrade", "--json",
        ])
        #expect(set.status == 0, "\(set.errors)")
        let degraded = try await ask(tenant)
        #expect(degraded["status"] as? String == "completed")
        #expect(try item(degraded)["decidedBy"] as? String == "worker")
        #expect(try item(degraded)["degraded"] as? Bool == true)
        #expect(try item(try await ask(tenant + "-other"))["decidedBy"] as? String == "full")
        #expect(
            try await suite.winnow(["budget", "set", tenant, "--period", "month", "--limit", "1", "--policy", "fail"])
                .status == 0)
        let failed = try await ask(tenant)
        #expect(failed["status"] as? String == "failed")
        #expect(failed["error"] as? String == "the tenant's budget for escalations is exhausted")
        // The one call of before is what the budget has spent, and what the ledger says.
        #expect(
            try await suite.query(
                """
                SELECT spent_pico_usd = (SELECT sum(cost_pico_usd) FROM winnow.attempt
                    WHERE tenant_id = '\(tenant)' AND kind = 'full') AND spent_pico_usd > 0
                FROM ops.budget WHERE tenant = '\(tenant)'
                """) == "t")
        #expect(try await suite.winnow(["budget", "set", tenant, "--period", "month", "--unlimited"]).status == 0)
        #expect(try item(try await ask(tenant))["decidedBy"] as? String == "full")
        #expect(try await suite.winnow(["budget", "set", tenant, "--period", "month", "--unlimited"]).status == 1)
    }

    @Test
    func `a tenant's weight is set, and listed`() async throws {
        let suite = try await Suite.shared()
        let tenant = "weighed-\(UUID())"
        #expect(try await suite.winnow(["tenants", "set", tenant, "--weight", "7"]).status == 0)
        let listed = try await suite.winnow(["tenants", "list", "--json"])
        let row = #"{"tenant":"\#(tenant)","weight":7,"open_requests":0,"waiting_requests":0,"test":"no"}"#
        #expect(listed.output.contains(row), "\(listed.errors)")
    }
}
