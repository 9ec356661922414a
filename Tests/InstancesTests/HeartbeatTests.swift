import Contracts
import Delivery
import Instances
import Lifecycle
import MessageBus
import MessageBusTesting
import Runtime
import Telemetry
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HeartbeatTests {
    private static let id = "here-1"
    private let bus = InMemoryBus(topics: [Topic.heartbeats: 1, "work": 4])
    private let reader = ScriptedReader()
    private let health = Health()

    /// A heartbeat, and the follower that receives its commands.
    private struct Rig {
        let heartbeat: Heartbeat
        let follower: TopicFollower
    }

    private func rig(producer: (any MessageProducer)? = nil, opening: TopicFollower.Opening? = nil) throws -> Rig {
        let settings = InstanceSettings(id: try #require(Instance.ID(Self.id)), interval: .seconds(3600))
        let follower = TopicFollower(logger: .silent, open: opening ?? { [reader] _ in reader })
        let heartbeat = Heartbeat(
            settings, service: "worker", producer: producer ?? bus.producer(), follower: follower, health: health,
            logger: .silent)
        return Rig(heartbeat: heartbeat, follower: follower)
    }

    private func control(_ action: Control.Action, of id: String = id) throws -> Record {
        let control = Control(instance: try #require(Instance.ID(id)), action: action)
        let event = CloudEvent(id: "c", type: "winnow.control.v1", source: "/winnow/test", data: control.encode())
        return Record(event.record(topic: Topic.controls, key: nil))
    }

    private func run(_ rig: Rig, until event: () async throws -> Void) async throws {
        let shutdown = GracefulShutdown()
        try await rig.follower.whileRunning {
            async let running: Void = GracefulShutdown.$current.withValue(shutdown) { try await rig.heartbeat.run() }
            do { try await event() } catch {
                shutdown.trigger()
                throw error
            }
            shutdown.trigger()
            try await running
        }
    }

    private func beats(_ count: Int) async throws -> [Instance] {
        try await bus.records(in: Topic.heartbeats, atLeast: count).map { record in
            try Instance(decoding: try #require(try CloudEvent(record).data))
        }
    }

    @Test func `it reports when it starts, and last of all that it has stopped`() async throws {
        let rig = try rig()
        try await run(rig) { _ = try await beats(1) }
        let told = try await beats(2)
        #expect(told.map(\.state) == [.running, .stopped])
        let first = try #require(told.first)
        #expect(first.service == "worker")
        #expect(first.processID > 0 && !first.host.isEmpty && first.beatInterval == 3_600_000)
        #expect(bus.records(in: Topic.heartbeats).allSatisfy { $0.key == Array(Self.id.utf8) })
    }

    @Test func `drained it leaves its partitions and is not ready, resumed it takes part again`() async throws {
        let rig = try rig()
        let consumer = rig.heartbeat.governing(bus.consumer(group: "workers", topics: ["work"]))
        try await run(rig) {
            async let batches: Void = drainAndResume(consumer)
            try await batches
        }
        #expect(bus.records(in: "work").count == 1)
        let states = try await beats(4).map(\.state)
        #expect(states.first == .running)
        #expect(states.contains(.draining))
        #expect(states.suffix(2) == [.running, .stopped])
    }

    private func drainAndResume(_ consumer: any MessageConsumer) async throws {
        async let batch = consumer.nextBatch()
        #expect(try await beats(1).map(\.partitions) == [4])
        reader.write([try control(.drain, of: "another"), try control(.drain)])
        var count = 2
        while try await beats(count).last?.partitions != 0 { count += 1 }
        #expect(try await beats(count).last?.state == .draining)
        #expect(!health.isReady)
        // A repeated command changes nothing and logs nothing.
        reader.write([try control(.drain)])
        reader.write([try control(.drain), try control(.resume)])
        while try await beats(count).last?.state != .running { count += 1 }
        #expect(health.isReady)
        #expect(consumer.partitionCount == 4)
        try await bus.producer().send([OutgoingRecord(topic: "work", key: nil, value: [1])])
        #expect(try await batch?.count == 1)
    }

    @Test func `of several commands the last one counts, and an unreadable record is ignored`() async throws {
        let rig = try rig()
        let consumer = rig.heartbeat.governing(bus.consumer(group: "workers", topics: ["work"]))
        let unreadable = Record(OutgoingRecord(topic: Topic.controls, key: nil, value: [0xFF]))
        reader.write([try control(.drain), try control(.resume), unreadable])
        reader.write([try control(.resume), try control(.drain, of: "another")])
        try await run(rig) { _ = try await beats(1) }
        #expect(try await beats(2).map(\.state) == [.running, .stopped])
        #expect(consumer.partitionCount == 4)
    }

    @Test(arguments: [true, false])
    func `a cluster without the topics works as one without drains`(isKnown: Bool) async throws {
        let code: MessageBusError.Code = isKnown ? .unavailable : .unknownTopic
        let rig = try rig { _ in
            throw MessageBusError(code, "not there", isRetriable: !isKnown)
        }
        try await run(rig) { _ = try await beats(1) }
        #expect(try await beats(2).map(\.state) == [.running, .stopped])
    }

    @Test func `a broker that accepts no heartbeats does not end the service`() async throws {
        let producer = DeafProducer()
        let rig = try rig(producer: producer)
        try await run(rig) { for await _ in producer.tried.stream { break } }
    }
}

/// Refuses every record.
private struct DeafProducer: MessageProducer {
    let tried = AsyncStream.makeStream(of: Void.self)

    func send(_ records: [OutgoingRecord]) async throws {
        tried.continuation.yield()
        throw MessageBusError(.unavailable, "away", isRetriable: true)
    }

    func close() async {}
}
