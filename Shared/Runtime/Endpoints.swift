import JSON
import Telemetry

/// `/livez`, `/readyz` and `/metrics`.
struct Endpoints: Sendable {
    let health: Health
    let metrics: Metrics
    let service: String
    private let process = ProcessMetrics()

    init(health: Health, metrics: Metrics, service: String) {
        self.health = health
        self.metrics = metrics
        self.service = service
    }

    @Sendable func answer(_ method: String, _ path: String) -> HTTPResponse {
        guard let answer = answer(path) else { return HTTPResponse(404, HTTPResponse.plain, "not found\n") }
        guard method == "GET" || method == "HEAD" else {
            return HTTPResponse(405, HTTPResponse.plain, "method not allowed\n", allow: "GET, HEAD")
        }
        return answer()
    }

    private func answer(_ path: String) -> (() -> HTTPResponse)? {
        switch path {
        case "/livez": { HTTPResponse(200, HTTPResponse.plain, "ok\n") }
        case "/readyz": readiness
        case "/metrics":
            { HTTPResponse(200, HTTPResponse.prometheus, metrics.render() + process.render(service: service)) }
        default: nil
        }
    }

    private func readiness() -> HTTPResponse {
        let report = health.report
        var writer = JSONWriter()
        writer.object { body in
            body.member("status", report.isReady ? "ready" : report.isDraining ? "draining" : "not ready")
            body.name("checks")
            body.object { checks in
                for (name, isGood) in report.checks.sorted(by: { $0.key < $1.key }) { checks.member(name, isGood) }
            }
        }
        return HTTPResponse(report.isReady ? 200 : 503, HTTPResponse.json, writer.text + "\n")
    }
}
