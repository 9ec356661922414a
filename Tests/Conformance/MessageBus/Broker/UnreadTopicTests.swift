import Contracts
import MessageBus
import Testing

@testable import KafkaBus

struct UnreadTopicTests {
    private static let start = ContinuousClock.now
    private let record = OutgoingRecord(topic: "a", key: Array("key".utf8), value: [UInt8](repeating: 0, count: 400))

    /// Has room for two records in each partition.
    private func topic(partitions: Int = 1, others: Int = 0) -> UnreadTopic {
        UnreadTopic(group: "g", partitions: partitions, limit: 2 * record.wireSize + 1, others: others)
    }

    @Test func `records that the group has read make room, and records written after the check do not`() {
        var topic = topic()
        #expect(topic.admit(record) == .admitted)
        topic.settle(record)
        let written = topic.written
        #expect(topic.admit(record) == .admittedAndLookIsDue)
        topic.settle(record)
        #expect(topic.admit(record) == .full)
        // When the end was read, only one record had certainly arrived.
        topic.look([(committed: 0, end: 1)], written: written)
        #expect(topic.admit(record) == .full)
        topic.look([(committed: 1, end: 2)], written: topic.written)
        #expect(topic.admit(record) == .admitted)
        #expect(topic.admit(record) == .full)
    }

    @Test func `a group that never reaches the end of the log makes room all the same`() {
        var topic = topic()
        var end: Int64 = 0
        for _ in 0..<20 {
            #expect(topic.admit(record) != .full)
            topic.settle(record)
            end += 1
            // The group is one record behind.
            topic.look([(committed: end - 1, end: end)], written: topic.written)
        }
    }

    @Test func `what is not acknowledged yet does not count as read`() {
        var topic = topic()
        _ = topic.admit(record)
        _ = topic.admit(record)
        topic.look([(committed: 0, end: 0)], written: topic.written)
        #expect(topic.admit(record) == .full)
    }

    @Test func `a broker that was restarted empty delays no producer`() {
        var topic = topic()
        for _ in 0..<2 {
            _ = topic.admit(record)
            topic.settle(record)
        }
        topic.look([(committed: 0, end: 200)], written: topic.written)
        #expect(topic.admit(record) == .full)
        topic.look([(committed: 0, end: 1)], written: topic.written)
        #expect(topic.admit(record) == .admitted)
    }

    @Test func `a record larger than the limit goes alone, and one without a key counts in every partition`() {
        var topic = topic(partitions: 3)
        let large = OutgoingRecord(topic: "a", key: nil, value: [UInt8](repeating: 0, count: 4000))
        #expect(topic.admit(large) == .admittedAndLookIsDue)
        #expect(topic.admit(record) == .full)
    }

    @Test func `partitions are counted for themselves`() {
        var topic = topic(partitions: 64)
        // Each key goes to a different partition.
        let keys = ["0", "1", "2"].map { Array($0.utf8) }
        #expect(Set(keys.map { Murmur2.partition($0, of: 64) }).count == keys.count)
        for key in keys + keys {
            let record = OutgoingRecord(topic: "a", key: key, value: record.value)
            #expect(topic.admit(record) != .full)
        }
    }

    @Test func `a group that was given up is waited for again once it has moved`() {
        var topic = topic(others: 10_000)
        topic.look([(committed: 3, end: 9)], written: topic.written)
        #expect(topic.progress(of: record) == [3])
        topic.giveUp()
        #expect(topic.progress(of: record) == nil)
        #expect(topic.admit(record) != .full)
        topic.look([(committed: 3, end: 10)], written: topic.written)
        #expect(topic.admit(record) != .full)
        topic.look([(committed: 4, end: 11)], written: topic.written)
        #expect(topic.admit(record) == .full)
    }

    @Test func `a check is due above half of the limit, one at a time and at most ten a second`() {
        var topic = topic()
        #expect(topic.admit(record, now: Self.start) == .admitted)
        #expect(topic.admit(record, now: Self.start) == .admittedAndLookIsDue)
        topic.giveUp()
        #expect(topic.admit(record, now: Self.start + .seconds(9)) == .admitted)
        topic.look(nil, written: topic.written, now: Self.start)
        #expect(topic.admit(record, now: Self.start + .milliseconds(900)) == .admitted)
        #expect(topic.admit(record, now: Self.start + .milliseconds(1100)) == .admittedAndLookIsDue)
    }
}
