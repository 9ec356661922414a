import Contracts
import MessageBus
import Planning
import Signing
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing

@testable import Aggregator

@Suite struct HeartbeatHandlerTests {
    private func instance(_ state: Instance.State, at time: Timestamp) throws -> Instance {
        Instance(
            id: try #require(Instance.ID("one")), service: "escalator", host: "here", processID: 1, version: "1",
            state: state, partitions: 0, startedAt: Fixture.now, beatAt: time, beatInterval: 5000)
    }

    private func record(_ value: [UInt8]) -> Record {
        let event = CloudEvent(id: "beat", type: EventType.heartbeat, source: "/winnow/test", data: value)
        return Record(event.record(topic: Topic.heartbeats, key: nil))
    }

    @Test func `heartbeats are stored, and a record that cannot be read is a dead letter`() async throws {
        let store = InMemoryStore()
        let handler = HeartbeatHandler(register: store)
        let last = try instance(.stopped, at: Fixture.now.adding(milliseconds: 5))
        let records = [record(try instance(.running, at: Fixture.now).encode()), record([0xFF]), record(last.encode())]
        let emitted = try await handler.handle(records)
        #expect(emitted.map(\.topic) == [Topic.deadLetters])
        #expect(try await store.instances() == [last])
        // A redelivery changes nothing.
        _ = try await handler.handle(Array(records.prefix(1)))
        #expect(try await store.instances() == [last])
    }

    @Test func `a heartbeat from the future is a dead letter, because it would never count as lost`() async throws {
        let store = InMemoryStore()
        let handler = HeartbeatHandler(register: store) { Fixture.now }
        let soon = try instance(.running, at: Fixture.now.adding(milliseconds: 300_000))
        let late = try instance(.running, at: Fixture.now.adding(milliseconds: 300_001))
        let emitted = try await handler.handle([record(soon.encode()), record(late.encode())])
        #expect(emitted.map(\.topic) == [Topic.deadLetters])
        #expect(try await store.instances() == [soon])
    }

    @Test func `with a signing key, unsigned heartbeats are ignored and do not become dead letters`() async throws {
        let store = InMemoryStore()
        let metrics = Metrics()
        let signing = RecordSigning(
            key: SigningKey([UInt8](repeating: 7, count: 32)), logger: .silent, metrics: metrics)
        let handler = HeartbeatHandler(register: store, signing: signing)
        let beat = try instance(.running, at: Fixture.now)
        #expect(try await handler.handle([record(beat.encode()), record([0xFF])]).isEmpty)
        #expect(try await store.instances().isEmpty)
        #expect(metrics.render().contains(#"winnow_unsigned_records_total{reason="unsigned"} 2"#))
    }
}
