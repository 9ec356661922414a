import Foundation
import Testing

extension `Whole suite` {
    @Test
    func `a worker killed under load loses nothing and charges nothing twice`() async throws {
        let suite = try await Suite.shared()
        let prefix = "kill-\(UUID())"
        let count = 1500
        let lines = (0..<count).map { Self.payload(id: "\(prefix)-\($0)", ["28014", "1' OR '1'='\($0)"]) }
        async let submitted = suite.submit(lines)
        try await Eventually.holds("the load is under way", within: .seconds(30)) {
            let settled = try await suite.query(
                "SELECT count(*) FROM winnow.request WHERE event_id LIKE '\(prefix)%' AND state = 'completed'")
            return (Int(settled) ?? 0) > 20
        }
        let victim = try #require(await suite.services("security-services-worker").first)
        await victim.kill()
        await suite.forget(victim)
        try await suite.launch("security-services-worker").ready()
        let answers = try await submitted.objects
        #expect(answers.count == count)
        #expect(answers.allSatisfy { $0["status"] as? String == "completed" })
        let doubled = try await suite.query(
            """
            SELECT count(*) FROM (
                SELECT request_id, step_ordinal FROM winnow.attempt JOIN winnow.request USING (request_id)
                WHERE event_id LIKE '\(prefix)%' AND kind = 'worker' GROUP BY 1, 2 HAVING count(*) <> 1) AS d
            """)
        #expect(doubled == "0")
        let charged = try await suite.query(
            """
            SELECT count(*) FROM winnow.attempt JOIN winnow.request USING (request_id)
            WHERE event_id LIKE '\(prefix)%' AND kind = 'worker'
            """)
        #expect(charged == "\(count)")
    }

    @Test(arguments: Suite.names)
    func `every service lives, is ready, shows metrics, and ends with 0 on SIGTERM`(name: String) async throws {
        let suite = try await Suite.shared()
        let service = try await suite.launch(name)
        try await service.ready()
        #expect(try await service.http("/livez").status == 200)
        let metrics = try await service.http("/metrics")
        #expect(metrics.status == 200)
        #expect(metrics.body.contains("# TYPE winnow_messaging_consumed_messages_total counter"))
        #expect(await service.terminate() == 0)
        await suite.forget(service)
    }
}
