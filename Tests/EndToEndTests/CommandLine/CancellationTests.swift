import Foundation
import Testing

extension `Whole suite` {
    @Test
    func `a request cancelled while no worker was there is never computed, and its result says so`() async throws {
        let suite = try await Suite.shared()
        let id = "cancelled-\(UUID())"
        let workers = await suite.services("software-development-worker")
        for worker in workers {
            #expect(await worker.terminate() == 0)
            await suite.forget(worker)
        }
        let line =
            #"{"id": "\#(id)", "steps": [{"capability": "software-development", "task": "issue-type", "items": ["x"]}]}"#
        async let submitted = suite.submit([line])
        try await Eventually.holds("the request is accepted", within: .seconds(30)) {
            try await suite.query("SELECT state FROM winnow.request WHERE event_id = '\(id)'") == "open"
        }
        let cancelled = try await suite.winnow(["cancel", id, "--json"])
        #expect(cancelled.status == 0, "\(cancelled.errors)")
        let answer = try #require(try await submitted.objects.first)
        #expect(answer["status"] as? String == "cancelled")
        // The step still waits in its topic.
        let worker = try await suite.launch("software-development-worker")
        try await worker.ready()
        try await Eventually.holds("the worker has dropped the step", within: .seconds(30)) {
            try await worker.http("/metrics").body.contains("\nwinnow_steps_cancelled_total 1\n")
        }
        let next = line.replacing(id, with: "after-\(UUID())")
        #expect(try await suite.submit([next]).objects.first?["status"] as? String == "completed")
        let calls = try await suite.query(
            "SELECT count(*) FROM winnow.attempt JOIN winnow.request USING (request_id) WHERE event_id = '\(id)'")
        #expect(calls == "0")
        let avoided = try await suite.query(
            "SELECT items FROM ops.avoided_compute WHERE task = 'issue-type' AND reason = 'cancelled'")
        #expect(avoided == "1")
        #expect(try await suite.winnow(["cancel", id]).status == 1)
        #expect(try await suite.winnow(["cancel", "no-such-request"]).status == 1)
    }
}
