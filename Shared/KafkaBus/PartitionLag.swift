import Contracts
import MessageBus

/// How far a group has read a partition.
public struct PartitionLag: Sendable, Equatable {
    public let partition: TopicPartition
    /// `nil` when the group never committed there.
    public let committed: Int64?
    public let beginning: Int64
    public let end: Int64
    /// When the first waiting record was written; `nil` when none waits, or nobody asked.
    public let oldest: Timestamp?

    public init(partition: TopicPartition, committed: Int64?, beginning: Int64, end: Int64, oldest: Timestamp?) {
        self.partition = partition
        self.committed = committed
        self.beginning = beginning
        self.end = end
        self.oldest = oldest
    }

    /// The offset at which the group goes on.
    public var next: Int64 { max(committed ?? 0, beginning) }

    /// Records that wait; what retention took before it was read is not among them.
    public var count: Int64 { max(0, end - next) }

    /// Records that retention took before the group read them.
    public var dropped: Int64 { committed.map { max(0, beginning - $0) } ?? 0 }
}
