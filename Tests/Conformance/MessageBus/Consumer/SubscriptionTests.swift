import MessageBus
import Testing

@Suite(.timeLimit(.minutes(2)))
struct SubscriptionTests {
    @Test(arguments: BusUnderTest.allCases)
    func `a consumer that is told to follows a further topic, and goes on with the first one`(
        bus: BusUnderTest
    ) async throws {
        let rig = try await bus.makeRig(partitions: 2)
        let other = try await bus.makeRig(like: rig, partitions: 2)
        let consumer = try rig.consumer()
        let subscriber = try #require(consumer as? any TopicSubscriber)
        try await rig.send(5)
        let first = try await consumer.take(5)
        try await consumer.commit(first)
        try await other.send(5)
        try await subscriber.subscribe(to: [rig.topic, other.topic])
        let second = try await consumer.take(5)
        #expect(Set(second.map(\.topic)) == [other.topic])
        try await consumer.commit(second)
        try await rig.send(5)
        let third = try await consumer.take(5)
        #expect(Set(third.map(\.topic)) == [rig.topic])
        try await consumer.commit(third)
        await consumer.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `topics set while a consumer is out of its group apply when it rejoins`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 1)
        let other = try await bus.makeRig(like: rig, partitions: 1)
        try await other.send(3)
        let consumer = try rig.consumer()
        let subscriber = try #require(consumer as? any TopicSubscriber)
        let (gone, isGone) = AsyncStream.makeStream(of: Void.self)
        consumer.leave { isGone.finish() }
        async let received = consumer.take(3)
        for await _ in gone {}
        try await subscriber.subscribe(to: [rig.topic, other.topic])
        consumer.rejoin()
        #expect(try await Set(received.map(\.topic)) == [other.topic])
        await consumer.close()
    }
}
