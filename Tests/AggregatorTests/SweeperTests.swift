import Contracts
import JSON
import MessageBus
import Settings
import Store
import Synchronization
import TestKit
import Testing

@testable import Aggregator

struct SweeperTests {
    private let store = InMemoryStore()
    private let bus = InMemoryBus(topics: [Topic.results: 1, Topic.steps(.legalServices, .interactive): 1])
    private let id = Request.ID.numbered(1)

    private func sweeper(
        at now: Timestamp = Fixture.now, limit: Int = 500, producer: (any MessageProducer)? = nil
    ) throws -> Sweeper {
        var reader = SettingsReader(environment: ["WINNOW_REDRIVE_AFTER_SECONDS": "60"])
        var settings = try SweeperSettings(&reader)
        settings.limit = limit
        return Sweeper(
            service: "aggregator", store: store, producer: producer ?? bus.producer(), settings: settings,
            logger: .silent
        ) { now }
    }

    private func accept(_ snapshots: [RequestSnapshot]) async throws {
        _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
    }

    @Test func `a request past its deadline gets a result that says so, once`() async throws {
        try await accept([Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now)])
        #expect(try await sweeper().sweep() == 1)
        #expect(try await sweeper().sweep() == 0)
        let results = bus.records(in: Topic.results)
        #expect(results.count == 1)
        let (status, error) = try JSONDocument.read(results.first?.value ?? []) {
            ($0["status"]?.string, $0["error"]?.string)
        }
        #expect(status == "expired")
        #expect(error == "the deadline passed")
    }

    @Test func `a request whose deadline is to come is left alone`() async throws {
        try await accept([Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now.adding(milliseconds: 1))])
        #expect(try await sweeper().sweep() == 0)
    }

    @Test func `a request without progress is emitted again under the same ids`() async throws {
        try await accept([Fixture.snapshot([Fixture.step(0), Fixture.step(1, dependsOn: [0])])])
        #expect(try await sweeper(at: Fixture.now.adding(milliseconds: 60_000)).sweep() == 0)
        #expect(try await sweeper(at: Fixture.now.adding(milliseconds: 60_001)).sweep() == 1)
        let commands = bus.records(in: Topic.steps(.legalServices, .interactive))
        #expect(try commands.map { try CloudEvent($0).id } == ["\(id)/0/step"])
        // It has just been looked at: the next minute is its own again.
        #expect(try await sweeper(at: Fixture.now.adding(milliseconds: 120_001)).sweep() == 0)
        #expect(try await sweeper(at: Fixture.now.adding(milliseconds: 120_002)).sweep() == 1)
    }

    @Test func `a sweep takes no more than its limit`() async throws {
        try await accept(
            (1...5).map { Fixture.snapshot([Fixture.step(0)], id: .numbered($0), deadline: Fixture.now) })
        let sweeper = try sweeper(limit: 2)
        #expect(try await [sweeper.sweep(), sweeper.sweep(), sweeper.sweep(), sweeper.sweep()] == [2, 2, 1, 0])
        #expect(bus.records(in: Topic.results).count == 5)
    }

    @Test func `a record too large for its topic holds up no other`() async throws {
        var huge = Fixture.snapshot([Fixture.step(0)], id: .numbered(2), deadline: Fixture.now)
        huge.traceparent = String(repeating: "0", count: 1_100_000)
        try await accept([huge, Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now)])
        #expect(try await sweeper().sweep() == 2)
        #expect(try bus.records(in: Topic.results).map { try CloudEvent($0).correlationID } == ["\(id)"])
    }

    @Test func `a result that could not be written is written by the next sweep`() async throws {
        try await accept([Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now)])
        let producer = FailingOnce(producer: bus.producer())
        let sweeper = try sweeper(producer: producer)
        await #expect(throws: MessageBusError.self) { try await sweeper.sweep() }
        #expect(bus.records(in: Topic.results).isEmpty)
        #expect(try await sweeper.sweep() == 0)
        #expect(bus.records(in: Topic.results).count == 1)
    }

    @Test func `a request that is final is nobody's business`() async throws {
        let done = Fixture.step(0, Fixture.clause, ["a"], .answered, answers: [Fixture.answer()])
        try await accept([Fixture.snapshot([done], .completed, deadline: Fixture.now)])
        #expect(try await sweeper(at: Fixture.now.adding(milliseconds: 1_000_000)).sweep() == 0)
    }
}

/// A broker that is away for one send.
private final class FailingOnce: MessageProducer {
    private let producer: any MessageProducer
    private let hasFailed = Mutex(false)

    init(producer: any MessageProducer) { self.producer = producer }

    func send(_ records: [OutgoingRecord]) async throws {
        let fails = hasFailed.withLock { failed in
            defer { failed = true }
            return !failed
        }
        guard !fails else { throw MessageBusError(.unavailable, "away", isRetriable: true) }
        try await producer.send(records)
    }

    func close() async { await producer.close() }
}
