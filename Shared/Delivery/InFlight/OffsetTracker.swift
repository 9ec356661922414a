import MessageBus

/// Tells up to which offset each partition may be committed while its records are finished in any order.
///
/// A commit means that everything before it is done. So the offset of the lowest open record is the limit, however many
/// records above it are done. After a crash those are delivered again, and none is lost.
struct OffsetTracker {
    private struct Offsets {
        let assignment: Int
        /// The polled records that are not done, in ascending order.
        var open: [Int64] = []
        /// The offset after the last polled record.
        var next: Int64
        /// Where the group continues if nothing more is committed.
        var committed: Int64

        /// Everything before this offset is done.
        var limit: Int64 { open.first ?? next }
        var isSettled: Bool { open.isEmpty && committed >= next }

        init(from offset: Int64, _ assignment: Int) {
            self.assignment = assignment
            next = offset
            committed = offset
        }

        /// Returns the index of the offset, or the one at which it belongs.
        func index(of offset: Int64) -> Int {
            var (low, high) = (0, open.count)
            while low < high {
                let middle = (low + high) / 2
                if open[middle] < offset { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    private var partitions: [TopicPartition: Offsets] = [:]

    /// Whether nothing is open and everything is committed.
    var isEmpty: Bool { partitions.isEmpty }

    /// The positions that are not committed yet. None is beyond an open record or before an earlier commit.
    var due: [CommitPosition] {
        partitions.compactMap { partition, offsets in
            guard offsets.limit > offsets.committed else { return nil }
            return CommitPosition(partition: partition, offset: offsets.limit, assignment: offsets.assignment)
        }
    }

    /// Called when a record was polled. It is open until `finish`.
    /// - Parameter assignment: the number of the partition's assignment. Offsets of an earlier one are forgotten, since
    ///   another member may have continued after them.
    mutating func poll(_ offset: Int64, of partition: TopicPartition, _ assignment: Int) {
        var offsets = partitions[partition] ?? Offsets(from: offset, assignment)
        if offsets.assignment != assignment { offsets = Offsets(from: offset, assignment) }
        let index = offsets.index(of: offset)
        if index == offsets.open.count || offsets.open[index] != offset { offsets.open.insert(offset, at: index) }
        offsets.next = max(offsets.next, offset + 1)
        partitions[partition] = offsets
    }

    /// Called when a record is done. Does nothing if its partition was revoked after the record was polled.
    mutating func finish(_ offset: Int64, of partition: TopicPartition, _ assignment: Int) {
        guard let offsets = partitions[partition], offsets.assignment == assignment else { return }
        let index = offsets.index(of: offset)
        guard index < offsets.open.count, offsets.open[index] == offset else { return }
        partitions[partition]?.open.remove(at: index)
    }

    /// Called when positions are committed.
    mutating func settle(_ positions: [CommitPosition]) {
        for position in positions {
            guard var offsets = partitions[position.partition], offsets.assignment == position.assignment else {
                continue
            }
            offsets.committed = max(offsets.committed, position.offset)
            partitions[position.partition] = offsets.isSettled ? nil : offsets
        }
    }

    /// Called when partitions are given up. Nothing of them is committed any more.
    mutating func forget(_ revoked: Set<TopicPartition>) {
        for partition in revoked { partitions[partition] = nil }
    }
}
