import Contracts
import Delivery
import MessageBus
import Planning
import Store
import TestKit
import Testing
import WorkerKit

@Suite(.timeLimit(.minutes(1)))
struct CancellationFollowerTests {
    private static func snapshot(_ number: UInt64) -> RequestSnapshot {
        RequestSnapshot(
            id: .numbered(number), tenant: .default, eventID: "their-id", channel: .machine, state: .cancelled,
            acceptedAt: Timestamp(milliseconds: 1), progressedAt: Timestamp(milliseconds: 1))
    }

    private static func record(_ number: UInt64, offset: Int64) -> Record {
        Record(
            Emission.cancellation(of: snapshot(number), from: "/winnow/test"),
            offset: offset)
    }

    @Test func `what was cancelled before is known as soon as it is prepared`() async throws {
        let reader = ScriptedReader(backlog: [Topic.cancellations: 3])
        let follower = TopicFollower.reading(reader)
        let cancellations = CancellationFollower(follower: follower)
        try await follower.whileRunning {
            async let prepared: Void = cancellations.prepare()
            reader.write([Self.record(1, offset: 0)])
            reader.write([Self.record(2, offset: 1), Self.record(3, offset: 2)])
            await prepared
            #expect((1...4).map { cancellations.contains(.numbered($0)) } == [true, true, true, false])
        }
    }

    @Test func `the oldest make room for the newest, and what is unreadable is passed over`() async throws {
        let reader = ScriptedReader(backlog: [Topic.cancellations: 5])
        let unreadable = Record(OutgoingRecord(topic: Topic.cancellations, key: nil, value: [0xFF]), offset: 4)
        reader.write([
            Self.record(1, offset: 0), Self.record(2, offset: 1), Self.record(1, offset: 2), Self.record(3, offset: 3),
            unreadable,
        ])
        let follower = TopicFollower.reading(reader)
        let cancellations = CancellationFollower(capacity: 2, follower: follower)
        try await follower.whileRunning { await cancellations.prepare() }
        #expect((1...3).map { cancellations.contains(.numbered($0)) } == [false, true, true])
    }

    @Test func `a cancellation names its request under an id that a repetition gives again`() throws {
        let snapshot = Self.snapshot(1)
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
