import Foundation
import Testing

extension `Whole suite` {
    @Test func `an erased request still answers with its status and its cost, and its text is nowhere in the database`()
        async throws
    {
        let suite = try await Suite.shared()
        let tenant = "erased-\(UUID())"
        let text = "1' OR '\(UUID())' = '1"
        let line = try String(
            decoding: JSONSerialization.data(
                withJSONObject: [
                    "id": "erased", "steps": [["capability": "security-services", "task": "payload", "items": [text]]],
                ] as [String: Any]), as: UTF8.self)
        let first = try #require(try await suite.submit([line], tenant: tenant).objects.first)
        #expect(first["status"] as? String == "completed")
        let cost = try #require((first["cost"] as? [String: Any])?["picoUSD"] as? Int)
        let attempts = """
            SELECT count(*), sum(a.cost_pico_usd) FROM winnow.attempt AS a JOIN winnow.request AS r USING (request_id)
            WHERE r.tenant_id = '\(tenant)'
            """
        let ledger = try await suite.query(attempts)

        let erasure = try await suite.winnow(["erase", "--tenant", tenant, "--json"])
        #expect(erasure.status == 0, "\(erasure.errors)")
        #expect(erasure.output.contains(#""erased_requests":1,"cancelled_requests":0"#), "\(erasure.output)")
        let found = try await suite.query(
            """
            SELECT count(*) FROM winnow.step AS s JOIN winnow.request AS r USING (request_id)
            WHERE r.tenant_id = '\(tenant)'
            """)
        #expect(found == "0")
        #expect(try await suite.query(attempts) == ledger)

        let again = try #require(try await suite.submit([line], tenant: tenant).objects.first)
        #expect(again["status"] as? String == "completed")
        #expect((again["cost"] as? [String: Any])?["picoUSD"] as? Int == cost)
        #expect((again["steps"] as? [Any])?.isEmpty != false)
    }

    @Test func `the aggregator counts final requests and publishes the figures of the suite`() async throws {
        let suite = try await Suite.shared()
        let line = #"{"steps": [{"capability": "security-services", "task": "payload", "items": ["barcelona"]}]}"#
        #expect(try await suite.submit([line]).objects.first?["status"] as? String == "completed")
        let aggregator = try #require(await suite.services("aggregator").first)
        let metrics = try await aggregator.http("/metrics").body
        for series in [
            #"winnow_requests_total{status="completed",channel="machine"}"#,
            #"winnow_request_duration_seconds_count{channel="machine",lane="interactive"}"#,
            #"winnow_items_total{capability="security-services",task="payload""#,
            #"winnow_open_requests{lane="interactive"}"#, #"winnow_waiting_requests{lane="bulk"}"#,
        ] {
            #expect(metrics.contains("\n\(series)"), "\(series)")
        }
    }
}
