import MessageBus

/// A reader of one partition that gives what the test writes.
public final class ScriptedReader: MessageReader {
    public let backlog: [TopicPartition: Int64]
    private let batches = AsyncStream.makeStream(of: [Record].self)

    public init(topic: String, backlog: Int64 = 0) {
        self.backlog = backlog > 0 ? [TopicPartition(topic: topic, partition: 0): backlog] : [:]
    }

    public func write(_ records: [Record]) { batches.continuation.yield(records) }

    public func nextBatch() async throws -> [Record]? {
        for await batch in batches.stream { return batch }
        return nil
    }

    public func stop() { batches.continuation.finish() }
}
