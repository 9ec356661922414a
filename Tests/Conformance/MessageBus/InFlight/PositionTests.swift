import Lifecycle
import MessageBus
import Synchronization
import Testing

/// What a consumer promises to a loop with records in flight.
@Suite(.timeLimit(.minutes(1)))
struct PositionTests {
    private func position(_ offset: Int64, after record: Record, _ consumer: any MessageConsumer) throws
        -> CommitPosition
    {
        let partition = record.topicPartition
        return CommitPosition(
            partition: partition, offset: offset, assignment: try #require(consumer.assignment(of: partition)))
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a position is committed while the consumer waits, and the next member continues there`(
        bus: BusUnderTest
    ) async throws {
        let rig = try await bus.makeRig(partitions: 1)
        try await rig.send(10)
        let consumer = try rig.consumer()
        let records = try await consumer.take(10)
        async let over = consumer.nextBatch()
        try await consumer.commit([try position(3, after: records[0], consumer)])
        try await consumer.commit([try position(4, after: records[0], consumer)])
        consumer.stop()
        #expect(try await over == nil)
        await consumer.close()
        let next = try rig.consumer()
        #expect(try await next.take(6).compactMap(\.number) == Array(4..<10))
        await next.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a position of an earlier assignment is not committed`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 1)
        try await rig.send(10)
        let consumer = try rig.consumer()
        let records = try await consumer.take(10)
        let old = try position(9, after: records[0], consumer)
        try await consumer.commit([try position(2, after: records[0], consumer)])
        let gone = Signal()
        consumer.leave { gone.fire() }
        async let again = consumer.take(8)
        await gone.wait()
        consumer.rejoin()
        #expect(try await again.compactMap(\.number) == Array(2..<10))
        let now = try #require(consumer.assignment(of: records[0].topicPartition))
        #expect(now > old.assignment)
        try await consumer.commit([old])
        await consumer.close()
        let next = try rig.consumer()
        #expect(try await next.take(8).compactMap(\.number) == Array(2..<10))
        await next.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a revoked partition stays until its revocation is completed, and can be committed`(
        bus: BusUnderTest
    ) async throws {
        let rig = try await bus.makeRig(partitions: 1)
        try await rig.send(10)
        let leaver = try rig.consumer(maxBatch: 4)
        let batch = try await leaver.take(1)
        let count = Int64(batch.count)
        let committed = try position(count, after: batch[0], leaver)
        let (gone, revoked) = (Signal(), Signal())
        let revocation = Mutex<PartitionRevocation?>(nil)
        leaver.onRevocation { announced in
            revocation.withLock { $0 = announced }
            revoked.fire()
        }
        leaver.leave { gone.fire() }
        async let over = leaver.nextBatch()
        await revoked.wait()
        let said = revocation.withLock { $0 }
        let announced = try #require(said)
        #expect(announced.partitions == [batch[0].topicPartition] && !announced.isLost)
        #expect(leaver.partitionCount == 1)
        #expect(leaver.assignment(of: batch[0].topicPartition) == nil)
        try await leaver.commit([committed])
        announced.complete()
        await gone.wait()
        let heir = try rig.consumer()
        #expect(try await heir.take(10 - batch.count).compactMap(\.number) == Array(batch.count..<10))
        leaver.stop()
        #expect(try await over == nil)
        await leaver.close()
        await heir.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a close gives up partitions whose revocation is not completed`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 1)
        try await rig.send(5)
        let leaver = try rig.consumer()
        _ = try await leaver.take(5)
        let revoked = Signal()
        leaver.onRevocation { _ in revoked.fire() }
        leaver.leave {}
        async let over = leaver.nextBatch()
        await revoked.wait()
        leaver.stop()
        #expect(try await over == nil)
        await leaver.close()
        let heir = try rig.consumer()
        #expect(try await heir.take(5).count == 5)
        await heir.close()
    }
}
