import MessageBus
import TestKit
import Testing

@testable import Delivery

struct OffsetTrackerTests {
    private static let partition = TopicPartition(topic: "input", partition: 0)
    private static let other = TopicPartition(topic: "input", partition: 1)

    private var tracker = OffsetTracker()

    private mutating func poll(
        _ offsets: some Sequence<Int64>, of partition: TopicPartition = partition, _ number: Int = 1
    ) {
        for offset in offsets { tracker.poll(offset, of: partition, number) }
    }

    private mutating func finish(_ offsets: Int64..., of partition: TopicPartition = partition, as number: Int = 1) {
        for offset in offsets { tracker.finish(offset, of: partition, number) }
    }

    private func position(_ offset: Int64, of partition: TopicPartition = partition, _ number: Int = 1)
        -> CommitPosition
    {
        CommitPosition(partition: partition, offset: offset, assignment: number)
    }

    @Test mutating func `only what lies below the lowest open record is due`() {
        poll(5..<9)
        #expect(tracker.due.isEmpty)
        finish(8, 6)
        #expect(tracker.due.isEmpty)
        finish(5)
        #expect(tracker.due == [position(7)])
        finish(7)
        #expect(tracker.due == [position(9)])
    }

    @Test mutating func `a position is due once, and the tracker is empty when all are committed`() {
        poll(0..<3)
        finish(0)
        tracker.settle([position(1)])
        #expect(tracker.due.isEmpty && !tracker.isEmpty)
        finish(2, 1)
        #expect(tracker.due == [position(3)])
        tracker.settle(tracker.due)
        #expect(tracker.due.isEmpty && tracker.isEmpty)
    }

    @Test mutating func `records that end while a commit is in progress are due after it`() {
        poll(0..<2)
        finish(0)
        let committing = tracker.due
        finish(1)
        tracker.settle(committing)
        #expect(tracker.due == [position(2)])
    }

    @Test mutating func `an offset that is missing in the topic holds up nothing`() {
        poll([3, 10, 12])
        finish(3)
        #expect(tracker.due == [position(10)])
        finish(12, 10)
        #expect(tracker.due == [position(13)])
    }

    @Test mutating func `partitions do not hold up each other`() {
        poll(0..<2)
        poll(4..<6, of: Self.other, 7)
        finish(4, 5, of: Self.other, as: 7)
        #expect(tracker.due == [position(6, of: Self.other, 7)])
    }

    @Test mutating func `a record that is polled again while it is open is one record`() {
        poll([0, 1, 0])
        finish(0)
        #expect(tracker.due == [position(1)])
        finish(0)
        #expect(tracker.due == [position(1)])
    }

    @Test mutating func `what was polled under an earlier assignment is forgotten`() {
        poll(0..<3)
        finish(0)
        poll(20..<22, 2)
        #expect(tracker.due.isEmpty)
        finish(1, 2, as: 1)
        tracker.settle([position(1)])
        #expect(tracker.due.isEmpty)
        finish(20, as: 2)
        #expect(tracker.due == [position(21, 2)])
    }

    @Test mutating func `a partition that is given up owes nothing`() {
        poll(0..<2)
        poll(0..<2, of: Self.other)
        finish(0)
        tracker.forget([Self.partition])
        finish(1)
        #expect(tracker.due.isEmpty)
        finish(0, of: Self.other)
        #expect(tracker.due == [position(1, of: Self.other)])
    }

    @Test mutating func `a position never lies before one that was committed`() {
        poll(0..<3)
        finish(0, 1, 2)
        let all = tracker.due
        poll([3])
        tracker.settle(all)
        poll([1])
        finish(3)
        #expect(tracker.due.isEmpty)
        finish(1)
        #expect(tracker.due == [position(4)])
    }

    /// Compares the tracker with sets, over random orders of polls, ends, commits and revocations.
    @Test(arguments: 0..<200)
    func `in any order it commits all that is done and nothing beyond an open record`(seed: UInt64) {
        var random = Seeded(seed)
        var tracker = OffsetTracker()
        var (assignment, next, committed) = (1, Int64(0), Int64(0))
        var open: Set<Int64> = []
        for _ in 0..<300 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<7:
                next += Bool.random(using: &random) ? 0 : Int64.random(in: 0..<3, using: &random)
                tracker.poll(next, of: Self.partition, assignment)
                open.insert(next)
                next += 1
            case 7..<15:
                guard let done = open.sorted().randomElement(using: &random) else { continue }
                tracker.finish(done, of: Self.partition, assignment)
                open.remove(done)
            case 15..<18:
                let due = tracker.due
                let limit = open.min() ?? next
                #expect(due.allSatisfy { $0.offset <= limit && $0.offset > committed && $0.assignment == assignment })
                tracker.settle(due)
                committed = due.first?.offset ?? committed
                // Gaps that were not polled at the end are not part of any position.
                #expect(open.isEmpty ? committed <= next : committed <= limit)
                if let lowest = open.min(), due.isEmpty { #expect(committed <= lowest) }
            case 18:
                // Delivered again while it is open.
                if let again = open.randomElement(using: &random) {
                    tracker.poll(again, of: Self.partition, assignment)
                }
            default:
                // Revoked and assigned again: the group continues after the commit.
                assignment += 1
                if Bool.random(using: &random) { tracker.forget([Self.partition]) }
                next = committed
                open = []
                tracker.poll(next, of: Self.partition, assignment)
                open.insert(next)
                next += 1
            }
        }
        for offset in open { tracker.finish(offset, of: Self.partition, assignment) }
        tracker.settle(tracker.due)
        #expect(tracker.isEmpty && tracker.due.isEmpty)
    }
}
