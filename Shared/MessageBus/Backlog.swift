import Contracts

/// What waits in front of a consumer group.
public protocol BacklogReader: Sendable {
    /// When the oldest record of each partition was written that the group has not committed; `nil` where nothing waits.
    /// - Throws: `MessageBusError`, retriable while the broker is away.
    func oldestWaiting(in topic: String, of group: String) async throws -> Backlog
}

/// The oldest waiting record of each partition of a topic.
public struct Backlog: Sendable, Equatable {
    public var oldest: [Timestamp?]

    /// - Parameter oldest: by partition.
    public init(oldest: [Timestamp?]) { self.oldest = oldest }

    /// Whether a record of this key that was written at `time` or later waits, if it was written at all: nothing that is
    /// behind the oldest waiting record has been read.
    public func holds(_ key: [UInt8], since time: Timestamp) -> Bool {
        guard !oldest.isEmpty else { return false }
        return oldest[Murmur2.partition(key, of: oldest.count)].map { $0 <= time } ?? false
    }
}
