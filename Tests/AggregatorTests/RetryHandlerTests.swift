import Contracts
import Delivery
import Lifecycle
import MessageBus
import MessageBusTesting
import Planning
import Telemetry
import TestKit
import Testing

@testable import Aggregator

@Suite(.timeLimit(.minutes(1)))
struct RetryHandlerTests {
    private static let group = "winnow.retries"
    private let bus = InMemoryBus(topics: [Topic.retries: 1, Topic.outcomes(.interactive): 1, Topic.deadLetters: 1])
    private let place = ["topic", "partition", "offset", "timestamp"].map { "kafka_original-\($0)" }
    private let original = Record(
        topic: Topic.outcomes(.interactive), partition: 3, offset: 42, timestamp: Timestamp(milliseconds: 7),
        key: [0, 255],
        value: [1, 0, 255], headers: [Header("theirs", [0xFF, 0x00]), Header("null", nil)])

    private func loop(at now: Timestamp, delay: Duration = .seconds(30)) -> DeliveryLoop<RetryHandler> {
        DeliveryLoop(
            service: RetryHandler.service, consumer: bus.consumer(group: Self.group, topics: [Topic.retries]),
            producer: bus.producer(), handler: RetryHandler(delay: delay) { now }, logger: .silent,
            metrics: Metrics())
    }

    private func run(_ loop: DeliveryLoop<RetryHandler>, until event: @Sendable () async -> Void) async throws {
        let shutdown = GracefulShutdown()
        async let running: Void = GracefulShutdown.$current.withValue(shutdown) { try await loop.run() }
        await event()
        shutdown.trigger()
        try await running
    }

    @Test func `a record that is due goes back to its topic as it was, with the count of its deliveries`() async throws
    {
        try await bus.producer().send([Retry.record(from: original, notBefore: Fixture.now)])
        try await run(loop(at: Fixture.now)) {
            await bus.waitForCommit(group: Self.group, topic: Topic.retries, atLeast: 1)
        }
        let again = try #require(bus.records(in: Topic.outcomes(.interactive)).first)
        #expect(again.key == original.key)
        #expect(again.value == original.value)
        #expect(Array(again.headers.prefix(2)) == original.headers)
        #expect(
            again.headers.dropFirst(2).map(\.name)
                == place + ["retry_topic-attempts", "retry_topic-original-timestamp"])
        #expect(RecordPlace(again) == RecordPlace(original))
        #expect(Retry.attempt(of: again) == 2)
        #expect(bus.records(in: Topic.deadLetters).isEmpty)
    }

    @Test(arguments: Lane.allCases)
    func `a retried request comes back through a topic that only Winnow writes to`(lane: Lane) async throws {
        var request = original
        request.topic = Topic.requests(lane)
        let waiting = Record(Retry.record(from: request, notBefore: Fixture.now))
        let again = try #require(try await RetryHandler().handle([waiting]).first)
        #expect(again.topic == Topic.retriedRequests(lane))
        let record = Record(again)
        #expect(Retry.attempt(of: record) == 2)
        #expect(RecordPlace(record) == RecordPlace(request))
        let letter = EventSource(service: "decomposer").deadLetter(record, ContractError(.notJSON, "no JSON"))
        #expect(DeadLetter.originalTopic(of: Record(letter)) == Topic.requests(lane))
        #expect(Array(letter.headers.prefix(2)) == original.headers)
        let second = Record(Retry.record(from: record, notBefore: Fixture.now))
        #expect(Record(try #require(Retry.redelivery(second))).topic == Topic.retriedRequests(lane))
        #expect(RecordPlace(second.redelivered) == RecordPlace(request))
    }

    @Test func `headers of a record from outside with the names of internal headers are ignored`() throws {
        var forged = original
        forged.topic = Topic.requests(.interactive)
        let names = [
            "retry_topic-attempts", "retry_topic-original-timestamp", "kafka_original-topic", "kafka_original-offset",
            "winnow_cancelled", "winnow_place",
        ]
        forged.headers += names.map { Header($0, text: "4") }
        #expect(Retry.attempt(of: forged) == 1)
        #expect(RecordPlace(forged).offset == forged.offset)
        #expect(names.allSatisfy { forged.internalHeader($0) == nil })
        let again = Record(Retry.record(from: forged, notBefore: Fixture.now)).redelivered
        #expect(Retry.attempt(of: again) == 2)
        #expect(RecordPlace(again) == RecordPlace(forged))
        #expect(again.internalHeader("winnow_cancelled") == nil)
        #expect(again.internalHeader("winnow_place") == nil)
    }

    @Test func `a record says whether it is due`() {
        let handler = RetryHandler { Fixture.now }
        func waiting(until time: Timestamp) -> [Record] { [Record(Retry.record(from: original, notBefore: time))] }
        #expect(handler.isDue(waiting(until: Fixture.now)))
        #expect(!handler.isDue(waiting(until: Fixture.now.adding(milliseconds: 1))))
        #expect(!handler.isDue(waiting(until: Fixture.now) + waiting(until: Fixture.now.adding(milliseconds: 1))))
    }

    @Test func `a stop while nothing is due yet loses nothing`() async throws {
        let shutdown = GracefulShutdown()
        let handler = RetryHandler(delay: .seconds(3600)) { Fixture.now }
        let waiting = Record(Retry.record(from: original, notBefore: Fixture.now.adding(milliseconds: 3_600_000)))
        await GracefulShutdown.$current.withValue(shutdown) {
            async let isDue = handler.waitUntilDue([waiting])
            shutdown.trigger()
            #expect(await !isDue)
        }
        try await bus.producer().send([Retry.record(from: original, notBefore: .now.adding(milliseconds: 3_600_000))])
        let stopped = GracefulShutdown()
        stopped.trigger()
        let loop = loop(at: .now, delay: .seconds(3600))
        try await GracefulShutdown.$current.withValue(stopped) { try await loop.run() }
        #expect(bus.committed(group: Self.group, topic: Topic.retries) == 0)
        #expect(bus.records(in: Topic.outcomes(.interactive)).isEmpty)
    }

    @Test func `a record from a process whose clock is ahead waits no longer than the retry delay`() async throws {
        let later = Fixture.now.adding(milliseconds: 86_400_000)
        try await bus.producer().send([Retry.record(from: original, notBefore: later)])
        try await run(loop(at: Fixture.now, delay: .milliseconds(1))) {
            await bus.waitForCommit(group: Self.group, topic: Topic.retries, atLeast: 1)
        }
        #expect(bus.records(in: Topic.outcomes(.interactive)).count == 1)
    }

    @Test(arguments: [nil, "elsewhere", Topic.retries, Topic.results, Topic.deadLetters])
    func `a record that names a topic to which it may not return is a dead letter`(topic: String?) async throws {
        let headers = topic.map { [Header("kafka_original-topic", text: $0)] } ?? []
        let forged = Record(OutgoingRecord(topic: Topic.retries, key: nil, value: [1], headers: headers))
        let emitted = try await RetryHandler().handle([forged])
        #expect(emitted.map(\.topic) == [Topic.deadLetters])
        #expect(emitted.first?.value == [1])
    }

    @Test(arguments: ["-1", "many", "99999999999999999999", ""])
    func `an impossible delivery count counts as none`(count: String) {
        var record = original
        record.headers.append(Header(Retry.attemptsHeader, text: count))
        #expect(Retry.attempt(of: record) == 1)
    }
}

extension Record {
    /// The record as it returns from the retry topic.
    fileprivate var redelivered: Record { Retry.redelivery(self).map { Record($0) } ?? self }
}
