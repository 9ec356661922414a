import Contracts
import Foundation
import KafkaBus
import MessageBus
import Telemetry
import Testing

extension `Whole suite` {
    @Test
    func `a tenant gets topics of its own without a restart, and its results are seen there alone`() async throws {
        let suite = try await Suite.shared()
        let name = "own-\(UUID())"
        let tenant = TenantID(rawValue: name)
        // The embedded broker has no admin API.
        let isEmbedded = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"] == nil
        let environment = suite.environment.merging(isEmbedded ? ["WINNOW_INTAKE": "postgres"] : [:]) { $1 }
        let given = try await Command.run(
            Repository.binaries.appending(path: "winnow"), ["tenants", "topics", name], environment: environment)
        #expect(given.status == 0, "\(given.errors)")
        #expect(given.output.contains("--allow-principal 'User:\(name)' --operation Write"))

        let requests = try #require(Topic.requests(.interactive, of: tenant))
        let results = try #require(Topic.results(of: tenant))
        let settings = KafkaSettings(bootstrapServers: suite.environment["KAFKA_BOOTSTRAP_SERVERS"] ?? "")
        let logger = Logger(service: "end-to-end", level: .error)
        let reader = try await KafkaReader(
            settings: settings, starts: [results: .beginning, Topic.results: .end], logger: logger,
            metrics: Metrics())
        func request(_ id: String, on topic: String, as authID: String?) -> OutgoingRecord {
            CloudEvent(
                id: id, type: "winnow.request.v1", source: "/test", authID: authID,
                data: Array(Self.payload(id: id, ["28014"]).utf8)
            ).record(topic: topic, key: Array(id.utf8))
        }
        try await suite.send([
            request("\(name)-1", on: requests, as: nil), request("\(name)-2", on: requests, as: "umbra"),
        ])
        var seen: [String: String] = [:]
        while seen.count < 2, let batch = try await reader.nextBatch() {
            for record in batch {
                let event = try CloudEvent(record)
                guard event.authID == name, let data = event.data else { continue }
                #expect(record.topic == results)
                let body = try JSONSerialization.jsonObject(with: Data(data)) as? [String: Any]
                seen[body?["id"] as? String ?? ""] = body?["status"] as? String
            }
        }
        #expect(seen == ["\(name)-1": "completed", "\(name)-2": "rejected"])
        // A request in its name on a shared topic is not accepted.
        try await suite.send([request("\(name)-3", on: Topic.requests(.interactive), as: name)])
        try await Eventually.holds("the forged request is a dead letter", within: .seconds(30)) {
            let listed = try await suite.winnow([
                "dead-letters", "list", "--reason", "ContractError.wrong_tenant", "--json",
            ])
            return listed.output.contains("wrong_tenant")
        }
        #expect(
            try await suite.query("SELECT count(*) FROM winnow.request WHERE tenant_id = '\(name)'") == "2")
        #expect(try await suite.submit([Self.payload(id: "\(name)-4", ["28014"])], tenant: name).status == 0)
        let doctor = try await suite.winnow(["doctor", "--json"]).output
        for check in ["topics of tenants", "lag of decomposer, topics of tenants"] {
            #expect(doctor.contains("\"check\":\"\(check)\",\"verdict\":\"ok\""), "\(doctor)")
        }
    }

    @Test
    func `what nobody has signed is ignored and counted, and signed commands are obeyed`() async throws {
        let suite = try await Suite.shared()
        let worker = try #require(await suite.services("security-services-worker").first)
        let ids = try await suite.instances().filter { $0.value.state == "running" }.keys
        let forged = try ids.map { id in
            let control = Control(instance: try #require(Instance.ID(id)), action: .drain)
            return CloudEvent(
                id: "forged", type: "winnow.control.v1", source: "/them", time: .now, data: control.encode()
            ).record(topic: Topic.controls, key: Array(id.utf8))
        }
        try await suite.send(forged)
        try await Eventually.holds("it is counted", within: .seconds(30)) {
            let metrics = try await worker.http("/metrics").body
            return metrics.contains(#"winnow_unsigned_records_total{reason="unsigned"}"#)
                && !metrics.contains(#"winnow_unsigned_records_total{reason="unsigned"} 0"#)
        }
        #expect(try await suite.instances().values.filter { $0.state == "draining" }.isEmpty)
    }
}
