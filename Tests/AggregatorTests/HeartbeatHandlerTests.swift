import Contracts
import Delivery
import MessageBus
import Store
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

    @Test func `beats are noted, and what cannot be read is a dead letter`() async throws {
        let store = InMemoryStore()
        let handler = HeartbeatHandler(register: store)
        let last = try instance(.stopped, at: Fixture.now.adding(milliseconds: 5))
        let records = [record(try instance(.running, at: Fixture.now).encode()), record([0xFF]), record(last.encode())]
        let emitted = try await handler.handle(records)
        #expect(emitted.map(\.topic) == [Topic.deadLetters])
        #expect(try await store.instances() == [last])
        // Delivered again, they change nothing.
        _ = try await handler.handle(Array(records.prefix(1)))
        #expect(try await store.instances() == [last])
    }
}
