import MessageBus

/// A reader of topics with one partition each that returns the records of a test.
public final class ScriptedReader: MessageReader {
    public let backlog: [TopicPartition: Int64]
    private let batches = AsyncStream.makeStream(of: [Record].self)

    /// - Parameter backlog: the number of existing records in each topic.
    public init(backlog: [String: Int64] = [:]) {
        self.backlog = backlog.reduce(into: [:]) { partitions, entry in
            if entry.value > 0 { partitions[TopicPartition(topic: entry.key, partition: 0)] = entry.value }
        }
    }

    public func write(_ records: [Record]) { batches.continuation.yield(records) }

    public func nextBatch() async throws -> [Record]? {
        for await batch in batches.stream { return batch }
        return nil
    }

    public func stop() { batches.continuation.finish() }
}
