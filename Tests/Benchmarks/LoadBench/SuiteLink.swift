import Contracts
import JSON
import KafkaBus
import MessageBus
import Planning
import Telemetry

/// The suite from an integrator's view: a topic to write to, and a topic to read from.
final class SuiteLink: Sendable {
    /// The longest time of a run without any result.
    private static let patience = Duration.seconds(30)
    private static let source = "/winnow/load-bench"

    private let producer: KafkaProducer
    private let results: KafkaReader
    /// Ids of two runs must differ, because the suite answers a known id without computing.
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

    /// Sends as fast as results arrive, with at most `inFlight` open requests: the embedded broker keeps 5 MiB per
    /// partition.
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

    /// Sends request number n at n / `rate` seconds after the first, whether earlier requests are answered or not. Its
    /// latency counts from that time, so a stall of the suite (or of this generator) adds to every request that was due
    /// during it.
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

    /// - Returns: the delay of each request until the producer got it. - Units: milliseconds.
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
                // Does not wait for the acknowledgement.
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

    /// - Returns: whether the batch contains a result of this run.
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
