import JSON
import Telemetry
import Testing

@testable import Runtime

@Suite struct EndpointsTests {
    private let health = Health()
    private let metrics = Metrics()
    private var endpoints: Endpoints { Endpoints(health: health, metrics: metrics, service: "probe") }

    @Test func `livez answers while the process runs, draining or not`() {
        health.check("broker").set(false)
        health.drain()
        #expect(endpoints.answer("GET", "/livez").status == 200)
    }

    @Test func `readyz names the check that fails`() throws {
        health.check("broker").set(false)
        health.check("store").set(true)
        let response = endpoints.answer("GET", "/readyz")
        #expect(response.status == 503)
        #expect(response.contentType == "application/json")
        try JSONDocument.read(response.body.utf8) { root in
            #expect(root["status"]?.string == "not ready")
            #expect(root["checks"]?["broker"]?.bool == false)
            #expect(root["checks"]?["store"]?.bool == true)
        }
    }

    @Test func `readyz turns with its checks and says when it drains`() {
        let check = health.check("broker")
        check.set(true)
        #expect(endpoints.answer("GET", "/readyz").status == 200)
        check.set(false)
        #expect(endpoints.answer("GET", "/readyz").status == 503)
        check.set(true)
        health.drain()
        let response = endpoints.answer("GET", "/readyz")
        #expect(response.status == 503)
        #expect(response.body.contains(#""status":"draining""#))
    }

    @Test func `metrics holds the service's own, the process's and the build's`() {
        metrics.counter("winnow_a_total", "A.").increment()
        let response = endpoints.answer("GET", "/metrics")
        #expect(response.status == 200)
        #expect(response.contentType.hasPrefix("text/plain; version=0.0.4"))
        let lines = response.body.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.first == "winnow_a_total 1")
        #expect(lines.contains { $0.hasPrefix("winnow_build_info{service=\"probe\",version=\"") })
        for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"] {
            let value = lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
            #expect((value ?? 0) > 0, "\(name)")
        }
    }

    @Test(arguments: ["/", "", "/livez/", "/LIVEZ", "/metrics.json", "/..%2flivez", "//livez"])
    func `any other path is not found`(path: String) {
        #expect(endpoints.answer("GET", path).status == 404)
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "get"])
    func `a known path refuses any other method and says which it allows`(method: String) {
        let response = endpoints.answer(method, "/readyz")
        #expect(response.status == 405)
        #expect(response.allow == "GET, HEAD")
    }
}
