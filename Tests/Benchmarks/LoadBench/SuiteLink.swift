import Contracts
import JSON
import KafkaBus
import MessageBus
import Planning
import Telemetry

/// The suite as an integrator has it: a topic to write to, a topic to read from.
final class SuiteLink: Sendable {
    /// How long a run may go without any result.
    private static let patience = Duration.seconds(30)
    private static let source = "/winnow/load-bench"

    private let producer: KafkaProducer
    private let results: KafkaReader
    /// Ids of two runs must differ, or the suite answers the second from memory.
    private let run: String

    init(_ kafka: KafkaSettings, logger: Logger) async throws {
        let metrics = Metrics()
        results = try await KafkaReader(
            settings: kafka, topic: Topic.results, from: .end, logger: logger, metrics: metrics)
        producer = try KafkaProducer(settings: kafka, logger: logger, metrics: metrics)
        var generator = SystemRandomNumberGenerator()
        run = Request.ID(using: &generator).description
    }

    func close() async {
        results.stop()
        await producer.close()
    }

    /// As fast as results come, `inFlight` at most under way: the embedded broker keeps 5 MiB a partition.
    func complete(_ requests: [Mix.Load], inFlight: Int) async throws -> Report {
        var tally = Tally(requests, start: .now)
        var sent = 0
        var last = ContinuousClock.now
        while tally.open > 0, last.duration(to: .now) < Self.patience {
            let end = min(requests.count, tally.answered + inFlight)
            if end > sent {
                let scheduled = ContinuousClock.now
                for index in sent..<end { tally.scheduled[index] = scheduled }
                try await send(requests, sent..<end)
                sent = end
            }
            guard let batch = try await results.nextBatch(within: .milliseconds(200)) else { break }
            if read(batch, into: &tally) { last = .now }
        }
        return tally.report()
    }

    /// Request number n is sent n / `rate` seconds after the first, answered or not; its latency counts from there,
    /// so that a suite (or this generator) that stalls is not spared what would have been sent meanwhile.
    func offer(_ requests: [Mix.Load], perSecond rate: Int) async throws -> Report {
        let start = ContinuousClock.now + .milliseconds(100)
        var tally = Tally(requests, start: start)
        for index in requests.indices { tally.scheduled[index] = start + .seconds(1) * index / rate }
        let schedule = tally.scheduled
        async let lateness = keep(schedule, requests)
        var last = start
        while tally.open > 0, max(last, schedule[tally.answered]).duration(to: .now) < Self.patience {
            guard let batch = try await results.nextBatch(within: .milliseconds(200)) else { break }
            if read(batch, into: &tally) { last = .now }
        }
        return tally.report(lateness: try await lateness)
    }

    /// - Returns: how late each request was handed to the producer. - Units: milliseconds.
    private func keep(_ schedule: [ContinuousClock.Instant], _ requests: [Mix.Load]) async throws -> [Double] {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var lateness: [Double] = []
            var next = 0
            while next < schedule.count {
                try await Task.sleep(until: schedule[next], tolerance: .zero, clock: .continuous)
                let now = ContinuousClock.now
                let first = next
                while next < schedule.count, schedule[next] <= now {
                    lateness.append(schedule[next].duration(to: now) / .milliseconds(1))
                    next += 1
                }
                // Its acknowledgement is not waited for.
                let due = first..<next
                group.addTask { try await self.send(requests, due) }
            }
            try await group.waitForAll()
            return lateness
        }
    }

    private func send(_ requests: [Mix.Load], _ range: Range<Int>) async throws {
        try await producer.send(
            range.map { index in
                let id = "\(run)/\(index)"
                let event = CloudEvent(
                    id: id, type: EventType.request, source: Self.source, time: .now, authID: "load-bench",
                    data: requests[index].data)
                return event.record(topic: Topic.requests(.interactive), key: Array(id.utf8))
            })
    }

    /// - Returns: whether a result of this run was among them.
    private func read(_ batch: [Record], into tally: inout Tally) -> Bool {
        let now = ContinuousClock.now
        let before = tally.answered
        for record in batch {
            guard let value = record.value,
                let result = try? JSONDocument.read(value, { ($0["id"]?.string, $0["status"]?.string) }),
                let id = result.0?.split(separator: "/"), id.count == 2, id[0] == run, let index = Int(id[1])
            else { continue }
            tally.answer(index, at: now, isCompleted: result.1 == "completed")
        }
        return tally.answered > before
    }
}
