/// An offset to commit. Everything of the partition before it is done.
public struct CommitPosition: Sendable, Hashable {
    public let partition: TopicPartition
    public let offset: Int64
    /// The number of the partition's assignment under which the records were returned (`MessageConsumer.assignment`).
    public let assignment: Int

    public init(partition: TopicPartition, offset: Int64, assignment: Int) {
        self.partition = partition
        self.offset = offset
        self.assignment = assignment
    }
}

/// Partitions that a member of a group must give up, or has lost.
public struct PartitionRevocation: Sendable {
    public let partitions: Set<TopicPartition>
    /// Whether the partitions are gone already, because the member was removed from its group. Nothing of them can be
    /// committed then.
    public let isLost: Bool
    private let onComplete: @Sendable () -> Void

    public init(
        partitions: Set<TopicPartition>, isLost: Bool, onComplete: @escaping @Sendable () -> Void = {}
    ) {
        self.partitions = partitions
        self.isLost = isLost
        self.onComplete = onComplete
    }

    /// Lets the consumer give the partitions up. Safe to call from any thread, also while the revocation is announced.
    public func complete() { onComplete() }
}
