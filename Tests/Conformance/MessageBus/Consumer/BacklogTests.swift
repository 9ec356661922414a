import Contracts
import MessageBus
import Testing

@Suite(.timeLimit(.minutes(1)))
struct BacklogTests {
    private func backlog(_ rig: Rig) async throws -> Backlog {
        try await rig.backlog.oldestWaiting(in: rig.topic, of: rig.group)
    }

    @Test(arguments: BusUnderTest.allCases)
    func `nothing waits in a topic that is empty or committed to its end`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 3)
        #expect(try await backlog(rig) == Backlog(oldest: [nil, nil, nil]))
        try await rig.send(30)
        let consumer = try rig.consumer()
        try await consumer.commit(try await consumer.take(30))
        await consumer.close()
        #expect(try await backlog(rig) == Backlog(oldest: [nil, nil, nil]))
    }

    @Test(arguments: BusUnderTest.allCases)
    func `the oldest record that is not committed holds what was written after it`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 2)
        try await rig.send(20)
        let before = try await backlog(rig)
        let consumer = try rig.consumer(maxBatch: 5)
        let first = try await consumer.take(5)
        // Records in hand also wait, until they are committed.
        #expect(try await backlog(rig) == before)
        try await consumer.commit(first)
        await consumer.close()
        let after = try await backlog(rig)
        let reader = try rig.consumer()
        let rest = try await reader.take(20 - first.count)
        await reader.close()
        for partition in 0..<2 {
            let records = rest.filter { $0.partition == partition }
            #expect(after.oldest[partition] == records.map(\.timestamp).min())
            for record in records { #expect(after.holds(record.key ?? [], since: record.timestamp)) }
        }
    }

    @Test func `only what was written since the oldest waiting record waits`() {
        let backlog = Backlog(oldest: [Timestamp(milliseconds: 10)])
        #expect(!backlog.holds([1], since: Timestamp(milliseconds: 9)))
        #expect(backlog.holds([1], since: Timestamp(milliseconds: 10)))
        #expect(!Backlog(oldest: [nil]).holds([1], since: Timestamp(milliseconds: 10)))
        #expect(!Backlog(oldest: []).holds([1], since: Timestamp(milliseconds: 10)))
    }
}
