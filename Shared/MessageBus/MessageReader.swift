/// Reads topics from a place on, without a group: nothing is shared, nothing is committed.
public protocol MessageReader: Sendable {
    /// Behind the last record that each partition had when the reading began; only partitions with something to read.
    var backlog: [TopicPartition: Int64] { get }

    /// The next records, at least one.
    /// - Returns: `nil` once it was stopped or the task is cancelled.
    /// - Throws: `MessageBusError` only for a fault that waiting cannot mend.
    func nextBatch() async throws -> [Record]?

    /// Ends `nextBatch`. Safe from any thread.
    func stop()
}
