import Contracts
import Planning
import Store
import Telemetry
import Testing

struct RequestMetricsTests {
    @Test func `final requests are counted by status, channel, time and who decided their items`() {
        let metrics = Metrics()
        let requests = RequestMetrics(metrics)
        var step = Fixture.step(0, Fixture.clause, ["a", "b", "c", "d"], .answered)
        step.answers = [
            Answer(.label("x"), confidence: 1, decidedBy: .worker, model: "small@1"), nil,
            Answer(.label("y"), confidence: 1, decidedBy: .full, model: "full@1"), .inUnsupportedLanguage,
        ]
        var snapshot = Fixture.snapshot([step])
        snapshot.state = .failed
        snapshot.progressedAt = snapshot.acceptedAt.adding(milliseconds: 300)
        requests.observe(snapshot)
        requests.observe(snapshot)
        let text = metrics.render()
        let channel = snapshot.channel?.rawValue ?? "unknown"
        #expect(text.contains(#"winnow_requests_total{status="failed",channel="\#(channel)"} 2"#), "\(text)")
        let duration = #"winnow_request_duration_seconds_bucket{channel="\#(channel)",lane="interactive""#
        #expect(text.contains(duration + #",le="0.25"} 0"#))
        #expect(text.contains(duration + #",le="0.5"} 2"#))
        let task = #"winnow_items_total{capability="legal-services",task="clause-type",decided_by="#
        #expect(text.contains(task + #""worker"} 2"#))
        #expect(text.contains(task + #""full"} 2"#))
        #expect(text.contains(task + #""unsupported_language"} 2"#))
        // Metrics never contain a tenant's name.
        #expect(!text.contains(snapshot.tenant.rawValue))
    }
}
