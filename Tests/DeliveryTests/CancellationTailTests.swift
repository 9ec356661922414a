import Contracts
import Delivery
import Lifecycle
import MessageBus
import Store
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1)))
struct CancellationTailTests {
    private static func record(_ number: UInt64, offset: Int64) -> Record {
        Record(
            Emission.cancellation(of: Fixture.snapshot(.cancelled, id: .numbered(number)), from: "/winnow/test"),
            offset: offset)
    }

    /// Runs the tail until `body` has returned.
    private func with(_ tail: CancellationTail, _ body: () async -> Void) async throws {
        let shutdown = GracefulShutdown()
        async let running: Void = GracefulShutdown.$current.withValue(shutdown) { try await tail.run() }
        await body()
        shutdown.trigger()
        try await running
    }

    @Test func `what was cancelled before is known as soon as it is prepared`() async throws {
        let reader = ScriptedReader(topic: Topic.cancellations, backlog: 3)
        let tail = CancellationTail(logger: .silent) { reader }
        try await with(tail) {
            async let prepared: Void = tail.prepare()
            reader.write([Self.record(1, offset: 0)])
            reader.write([Self.record(2, offset: 1), Self.record(3, offset: 2)])
            await prepared
            #expect((1...4).map { tail.contains(.numbered($0)) } == [true, true, true, false])
        }
    }

    @Test func `an empty topic holds nobody up`() async throws {
        let tail = CancellationTail(logger: .silent) { ScriptedReader(topic: Topic.cancellations, backlog: 0) }
        try await with(tail) { await tail.prepare() }
    }

    @Test func `a cluster without the topic has no cancellations`() async throws {
        let tail = CancellationTail(logger: .silent) {
            throw MessageBusError(.unknownTopic, "not there", isRetriable: true)
        }
        try await with(tail) { await tail.prepare() }
        #expect(!tail.contains(.numbered(1)))
    }

    @Test func `a broker that is away is asked again`() async throws {
        let faults = Faults([MessageBusError(.unavailable, "away", isRetriable: true)])
        let reader = ScriptedReader(topic: Topic.cancellations, backlog: 1)
        reader.write([Self.record(1, offset: 0)])
        let tail = CancellationTail(logger: .silent) {
            if let fault = faults.next() { throw fault }
            return reader
        }
        try await with(tail) { await tail.prepare() }
        #expect(tail.contains(.numbered(1)))
    }

    @Test func `a stop ends the waiting for a broker that never comes`() async {
        let shutdown = GracefulShutdown()
        let tail = CancellationTail(logger: .silent) { ScriptedReader(topic: Topic.cancellations, backlog: 1) }
        await GracefulShutdown.$current.withValue(shutdown) {
            async let prepared: Void = tail.prepare()
            shutdown.trigger()
            await prepared
        }
    }

    @Test func `the oldest make room for the newest, and what is unreadable is passed over`() async throws {
        let reader = ScriptedReader(topic: Topic.cancellations, backlog: 5)
        let unreadable = Record(OutgoingRecord(topic: Topic.cancellations, key: nil, value: [0xFF]), offset: 4)
        reader.write([
            Self.record(1, offset: 0), Self.record(2, offset: 1), Self.record(1, offset: 2), Self.record(3, offset: 3),
            unreadable,
        ])
        let tail = CancellationTail(capacity: 2, logger: .silent) { reader }
        try await with(tail) { await tail.prepare() }
        #expect((1...3).map { tail.contains(.numbered($0)) } == [false, true, true])
    }

    @Test func `a cancellation names its request under an id that a repetition gives again`() throws {
        let snapshot = Fixture.snapshot(.cancelled)
        let record = Emission.cancellation(of: snapshot, from: "/winnow/test")
        let event = try record.event()
        #expect(record.topic == Topic.cancellations)
        #expect(record.key == Array("\(snapshot.id)".utf8))
        #expect(event.id == "\(snapshot.id)/cancellation")
        #expect(event.type == EventType.cancellation)
        #expect(event.correlationID == "\(snapshot.id)")
        #expect(event.expiryTime == nil)
        #expect(record.text == #"{"requestId":"\#(snapshot.id)"}"#)
    }
}
