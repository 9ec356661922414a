import MessageBus

/// How far a group is in a partition.
public struct PartitionLag: Sendable, Equatable {
    public let partition: TopicPartition
    /// `nil` when the group never committed there.
    public let committed: Int64?
    public let beginning: Int64
    public let end: Int64

    /// Records that wait; what retention took before it was read is not among them.
    public var count: Int64 { max(0, end - max(committed ?? 0, beginning)) }
}
