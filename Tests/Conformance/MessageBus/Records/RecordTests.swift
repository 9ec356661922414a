import Contracts
import MessageBus
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RecordTests {
    @Test(arguments: BusUnderTest.allCases)
    func `key, value, headers and time arrive as they were sent`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig()
        let headers = [
            Header("ce_id", text: "1"), Header("empty", []), Header("null", nil), Header("ce_id", text: "2"),
            Header("bytes", [0, 255, 10]), Header("a-name-of-more-than-fifteen-bytes", text: "ü"),
        ]
        let sent = [
            OutgoingRecord(topic: rig.topic, key: [0, 1, 255], value: [0, 128], headers: headers),
            OutgoingRecord(topic: rig.topic, key: Array("tombstone".utf8), value: nil),
            OutgoingRecord(topic: rig.topic, key: nil, value: Array("no key".utf8)),
            OutgoingRecord(topic: rig.topic, key: [], value: []),
        ]
        let before = Timestamp.now
        try await rig.producer.send(sent)
        let after = Timestamp.now
        let consumer = try rig.consumer()
        let received = try await consumer.take(4)
        for record in sent {
            let twin = try #require(received.first { $0.key == record.key })
            #expect(twin.value == record.value)
            #expect(twin.headers == record.headers)
            #expect(twin.topic == rig.topic)
            #expect((before.milliseconds...after.milliseconds).contains(twin.timestamp.milliseconds))
        }
        #expect(received.first { $0.key == [0, 1, 255] }?.headers["ce_id"] == "2")
        await consumer.close()
        await rig.producer.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `records of one key keep their order in one partition`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig()
        for _ in 0..<3 { try await rig.send(200) { "key-\($0 % 7)" } }
        let consumer = try rig.consumer()
        let received = try await consumer.take(600)
        #expect(received.count == 600)
        for (_, records) in Dictionary(grouping: received, by: \.key) {
            #expect(Set(records.map(\.partition)).count == 1)
            #expect(records.map(\.offset) == records.map(\.offset).sorted())
            let numbers = records.compactMap(\.number)
            let once = Array(numbers.prefix(numbers.count / 3))
            #expect(once == once.sorted())
            #expect(numbers == once + once + once)
        }
        await consumer.close()
    }

    @Test func `both adapters choose the same partition for a key`() async throws {
        var places: [[[UInt8]?: Int32]] = []
        for bus in BusUnderTest.allCases {
            let rig = try await bus.makeRig()
            try await rig.send(60) { String(repeating: "k", count: $0 % 9) + "\($0)" }
            let consumer = try rig.consumer()
            let received = try await consumer.take(60)
            places.append(Dictionary(received.map { ($0.key, $0.partition) }) { first, _ in first })
            await consumer.close()
        }
        #expect(places[0] == places[1])
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a record that is too large is refused before anything is written`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 1)
        let large = OutgoingRecord(topic: rig.topic, key: nil, value: [UInt8](repeating: 7, count: 1_000_001))
        let error = await #expect(throws: MessageBusError.self) {
            try await rig.producer.send([rig.record("a", "never"), large])
        }
        #expect(error?.code == .tooLarge)
        #expect(error?.isRetriable == false)
        try await rig.producer.send([rig.record("a", "first")])
        let consumer = try rig.consumer()
        #expect(try await consumer.take(1).map(\.text) == ["first"])
        await consumer.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a topic that does not exist is told apart and may be tried again`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig()
        let stray = OutgoingRecord(topic: rig.topic + "-missing", key: nil, value: [1])
        let error = await #expect(throws: MessageBusError.self) { try await rig.producer.send([stray]) }
        #expect(error?.code == .unknownTopic)
        #expect(error?.isRetriable == true)
    }
}
