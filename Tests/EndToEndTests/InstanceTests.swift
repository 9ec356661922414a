import Foundation
import Synchronization
import Testing

extension `Whole suite` {
    @Test
    func `workers that come, are drained and come back under load lose nothing and charge nothing twice`() async throws
    {
        let suite = try await Suite.shared()
        let prefix = "scale-\(UUID())"
        let load = Load(suite: suite, prefix: prefix)
        async let answers = load.run()
        let ids = (0..<3).map { "\(prefix).\($0)" }
        var workers: [ServiceProcess] = []
        do {
            for id in ids { workers.append(try await suite.launch("security-services-worker", as: id)) }
            for worker in workers { try await worker.ready() }
            try await suite.haveWork(ids)
            try await load.goesOn()
            for (id, worker) in zip(ids, workers) {
                let drained = try await suite.winnow(["drain", id, "--json"])
                #expect(drained.status == 0, "\(drained.errors)")
                #expect(drained.output.contains(#""state":"draining","partitions":0"#), "\(drained.output)")
                let readiness = try await worker.http("/readyz")
                #expect(readiness.status == 503)
                #expect(readiness.body.contains(#""status":"draining""#))
                #expect(try await worker.http("/livez").status == 200)
                try await load.goesOn()
            }
            let listed = try await suite.instances()
            #expect(ids.map { listed[$0]?.state } == ["draining", "draining", "draining"])
            #expect(ids.map { listed[$0]?.partitions } == [0, 0, 0])
            let resumed = try await suite.winnow(["resume", ids[0]])
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try await workers[0].http("/readyz").status == 200)
            try await suite.haveWork([ids[0]])
            try await load.goesOn()
        } catch {
            load.stop()
            _ = await suite.end(workers)
            throw error
        }
        load.stop()
        let ended = try await answers
        #expect(ended.count >= 300)
        #expect(ended.allSatisfy { $0 == "completed" })
        let codes = await suite.end(workers)
        #expect(codes == [0, 0, 0])
        try await Eventually.holds("they are listed as stopped", within: .seconds(20)) {
            let listed = try await suite.instances(["--all"])
            return ids.allSatisfy { listed[$0]?.state == "stopped" }
        }
        let charges = try await suite.query(
            """
            SELECT count(*) - count(DISTINCT (request_id, step_ordinal)), count(*)
            FROM winnow.attempt JOIN winnow.request USING (request_id)
            WHERE event_id LIKE '\(prefix)%' AND kind = 'worker'
            """)
        #expect(charges == "0|\(ended.count)")
        // With this librdkafka a leave is noticed after 6 s, and a round of the embedded broker takes 5 s. One
        // rebalance has one round to revoke partitions and one to assign them (`infra/kafka/README.md`).
        let slowest = try await suite.query(
            """
            SELECT round(max(extract(epoch FROM completed_at - accepted_at)), 1)
            FROM winnow.request WHERE event_id LIKE '\(prefix)%'
            """)
        #expect(try #require(Double(slowest)) < 25, "the slowest of \(ended.count)")
    }

    @Test
    func `two instances of every service answer a mixed batch`() async throws {
        let suite = try await Suite.shared()
        let prefix = "twin-\(UUID())"
        var twins: [ServiceProcess] = []
        for name in Suite.names { twins.append(try await suite.launch(name, as: "\(prefix).\(name)")) }
        for twin in twins { try await twin.ready() }
        try await suite.haveWork(Suite.names.map { "\(prefix).\($0)" })
        let requests = try String(
            contentsOf: Repository.root.appending(path: "infra/demo/requests.jsonl"), encoding: .utf8
        ).split(separator: "\n").map(String.init)
        let result = try await suite.submit(requests, tenant: prefix)
        let statuses = result.objects.compactMap { $0["status"] as? String }
        #expect(statuses.count == requests.count, "\(result.errors)")
        #expect(statuses.filter { $0 != "completed" } == ["rejected"])
        // A step that moved to another instance calls the full model again, which is a separate charge.
        let charges = try await suite.query(
            """
            SELECT count(*) FILTER (WHERE kind <> 'full')
                    - count(DISTINCT (request_id, step_ordinal)) FILTER (WHERE kind <> 'full'),
                count(*) FILTER (WHERE attempt.state NOT IN ('settled', 'failed'))
            FROM winnow.attempt JOIN winnow.request USING (request_id)
            WHERE request.tenant_id = '\(prefix)' AND kind <> 'shadow'
            """)
        #expect(charges == "0|0")
        let codes = await suite.end(twins)
        #expect(codes == twins.map { _ in 0 })
    }

    @Test
    func `draining an unknown instance is an error`() async throws {
        let suite = try await Suite.shared()
        for verb in ["drain", "resume"] {
            let result = try await suite.winnow([verb, "no-such-instance"])
            #expect(result.status == 1)
            #expect(result.errors.trimmed == "winnow \(verb): no such instance: no-such-instance")
        }
    }
}

/// Sends requests to the security worker, batch after batch, until it is stopped.
private final class Load: Sendable {
    private let suite: Suite
    private let prefix: String
    private let isOver = Mutex(false)
    private let batches = Mutex(0)

    init(suite: Suite, prefix: String) {
        self.suite = suite
        self.prefix = prefix
    }

    func stop() { isOver.withLock { $0 = true } }

    /// Returns once another batch was sent and answered: earlier changes have then settled and delay nothing more.
    func goesOn() async throws {
        let before = batches.withLock(\.self)
        try await Eventually.holds("the load goes on", within: .seconds(60)) {
            batches.withLock(\.self) >= before + 2
        }
    }

    /// - Returns: the status of each answer.
    func run() async throws -> [String] {
        var statuses: [String] = []
        while !isOver.withLock(\.self) {
            let lines = (0..<100).map { number in
                `Whole suite`.payload(id: "\(prefix)-\(statuses.count + number)", ["28014", "1' OR '1'='\(number)"])
            }
            let answers = try await suite.submit(lines).objects
            guard answers.count == lines.count else { throw SuiteFault("\(answers.count) of \(lines.count) answers") }
            batches.withLock { $0 += 1 }
            statuses += answers.map { $0["status"] as? String ?? "none" }
        }
        return statuses
    }
}
