import Contracts
import Delivery
import Lifecycle
import MessageBus
import MessageBusTesting
import Signing
import Synchronization
import Telemetry
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1)))
struct TopicFollowerTests {
    private static func record(_ topic: String, _ value: UInt8, offset: Int64) -> Record {
        Record(OutgoingRecord(topic: topic, key: nil, value: [value]), offset: offset)
    }

    /// Records the content of one topic.
    private final class Follower: Sendable {
        let caughtUp = Signal()
        private let seen = Mutex<[[UInt8]]>([])

        init(_ topic: String, from start: ReadStart = .beginning, of topics: TopicFollower) {
            topics.follow(topic, from: start, caughtUp) { [weak self] records in
                self?.seen.withLock { $0.append(records.compactMap { $0.value?.first }) }
            }
        }

        var values: [[UInt8]] { seen.withLock(\.self) }
    }

    @Test func `all topics are read by one reader, and each follower gets its own`() async throws {
        let reader = ScriptedReader(backlog: ["a": 2, "b": 1])
        let opened = Mutex<[[String: ReadStart]]>([])
        let topics = TopicFollower(logger: .silent) { starts in
            opened.withLock { $0.append(starts) }
            return reader
        }
        let noon = ReadStart.time(Timestamp(milliseconds: 1_790_000_000_000))
        let (a, b) = (Follower("a", of: topics), Follower("b", from: noon, of: topics))
        reader.write([
            Self.record("a", 1, offset: 0), Self.record("b", 2, offset: 0), Self.record("a", 3, offset: 1),
            Self.record("c", 4, offset: 0),
        ])
        try await topics.whileRunning {
            await a.caughtUp.wait()
            await b.caughtUp.wait()
        }
        #expect(a.values == [[1, 3]])
        #expect(b.values == [[2]])
        #expect(opened.withLock(\.self) == [["a": .beginning, "b": noon]])
    }

    @Test func `a follower has caught up even if another topic has more to read`() async throws {
        let reader = ScriptedReader(backlog: ["a": 1, "b": 1])
        let topics = TopicFollower.reading(reader)
        let (a, b, empty) = (Follower("a", of: topics), Follower("b", of: topics), Follower("empty", of: topics))
        try await topics.whileRunning {
            await empty.caughtUp.wait()
            reader.write([Self.record("b", 1, offset: 0)])
            await b.caughtUp.wait()
            #expect(a.values.isEmpty)
            reader.write([Self.record("a", 2, offset: 0)])
            await a.caughtUp.wait()
            #expect(a.values == [[2]])
        }
    }

    @Test(arguments: [true, false])
    func `a topic that is missing or may not be read delays no start`(isMissing: Bool) async throws {
        let code: MessageBusError.Code = isMissing ? .unknownTopic : .configuration
        let topics = TopicFollower(logger: .silent) { _ in throw MessageBusError(code, "no", isRetriable: isMissing) }
        let follower = Follower("a", of: topics)
        try await topics.whileRunning { await follower.caughtUp.wait() }
        #expect(follower.values.isEmpty)
    }

    @Test func `opening is retried while the broker is unavailable`() async throws {
        let faults = Faults([MessageBusError(.unavailable, "away", isRetriable: true)])
        let reader = ScriptedReader(backlog: ["a": 1])
        reader.write([Self.record("a", 1, offset: 0)])
        let topics = TopicFollower(logger: .silent) { _ in
            if let fault = faults.next() { throw fault }
            return reader
        }
        let follower = Follower("a", of: topics)
        try await topics.whileRunning { await follower.caughtUp.wait() }
        #expect(follower.values == [[1]])
    }

    @Test(arguments: [MessageBusError.Code.configuration, .fatal, .authentication])
    func `a follower goes on after any fault, of opening and of reading`(code: MessageBusError.Code) async throws {
        let fault = MessageBusError(code, "no", isRetriable: false)
        let openings = Faults([fault])
        let (failing, reader) = (FailingReader(fault), ScriptedReader(backlog: ["a": 1]))
        reader.write([Self.record("a", 1, offset: 0)])
        let opened = Mutex(0)
        let seen = Signal()
        let topics = TopicFollower(logger: .silent, retry: .milliseconds(1)) { _ in
            if let fault = openings.next() { throw fault }
            let isFirst = opened.withLock { count in
                count += 1
                return count == 1
            }
            return isFirst ? failing : reader
        }
        topics.follow("a", from: .beginning, Signal()) { _ in seen.fire() }
        try await topics.whileRunning { await seen.wait() }
        #expect(opened.withLock(\.self) == 2)
    }

    @Test func `a reader that ends by itself is opened again`() async throws {
        let (ended, reader) = (ScriptedReader(), ScriptedReader(backlog: ["a": 1]))
        ended.stop()
        reader.write([Self.record("a", 1, offset: 0)])
        let readers = Mutex([ended, reader])
        let seen = Signal()
        let topics = TopicFollower(logger: .silent) { _ in readers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
        }
        topics.follow("a", from: .beginning, Signal()) { _ in seen.fire() }
        try await topics.whileRunning { await seen.wait() }
    }

    /// A reader of a topic to which nobody has access any more.
    private struct FailingReader: MessageReader {
        let backlog: [TopicPartition: Int64] = [:]
        let fault: MessageBusError

        init(_ fault: MessageBusError) { self.fault = fault }

        func nextBatch() async throws -> [Record]? { throw fault }

        func stop() {}
    }

    @Test func `a stop ends the waiting for a broker that never comes`() async {
        let shutdown = GracefulShutdown()
        let follower = Follower("a", of: .reading(ScriptedReader(backlog: ["a": 1])))
        await GracefulShutdown.$current.withValue(shutdown) {
            async let waited: Void = follower.caughtUp.wait()
            shutdown.trigger()
            await waited
        }
    }

    /// Also if the last record of the backlog is ignored: nobody may delay a start by writing one.
    @Test func `a record without a signature is ignored where there is a key, and holds nobody up`() async throws {
        let signing = RecordSigning(
            key: SigningKey([UInt8](repeating: 7, count: 32)), logger: .silent, metrics: Metrics())
        let bus = InMemoryBus(topics: [Topic.cancellations: 1])
        let event = CloudEvent(id: "1", type: "t", source: "/s", data: [1])
        let record = event.record(topic: Topic.cancellations, key: nil)
        try await signing.signing(bus.producer()).send([record])
        try await bus.producer().send([record])
        let reader = ScriptedReader(backlog: [Topic.cancellations: 2])
        reader.write(bus.records(in: Topic.cancellations))
        let topics = TopicFollower(signing: signing, logger: .silent) { _ in reader }
        let follower = Follower(Topic.cancellations, of: topics)
        try await topics.whileRunning { await follower.caughtUp.wait() }
        #expect(follower.values == [[1]])
    }

    @Test func `a topic follower without followers opens nothing`() async throws {
        let topics = TopicFollower(logger: .silent) { _ in
            Issue.record("opened")
            return ScriptedReader()
        }
        try await topics.whileRunning {}
    }
}
