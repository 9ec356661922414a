import Contracts

/// A member of a consumer group. One task polls it. Without records in flight, the same task applies, emits and commits
/// before it polls again. Commits of positions, `pause` and `resume` may also come from other tasks while it polls.
public protocol MessageConsumer: Sendable {
    /// The number of partitions currently assigned.
    var partitionCount: Int { get }

    /// Returns once the cluster answers.
    /// - Throws: `MessageBusError`, retriable while the cluster does not answer.
    func connect() async throws

    /// Waits for the next records and returns at least one. Batches grow with the load, up to the configured size.
    /// - Returns: `nil` once `stop` was called.
    /// - Throws: `MessageBusError` only for an error that a retry cannot fix.
    func nextBatch() async throws -> [Record]?

    /// - Returns: the number of the assignment under which the last batch's records of this partition were returned;
    ///   `nil` if the partition was revoked since. A partition that is assigned again has a higher number.
    func assignment(of partition: TopicPartition) -> Int?

    /// Sets a callback that is called when partitions are revoked. They stay assigned, without further records, until
    /// it has completed the revocation: what is in flight can be finished and committed. Polling must go on meanwhile.
    /// Lost partitions are announced too, but are gone. `close` waits for nothing.
    func onRevocation(_ body: @escaping @Sendable (PartitionRevocation) -> Void)

    /// Sets a callback. It receives `false` if records wait and none was fetched for a minute, and `true` when the
    /// consumer makes progress again. A consumer that is paused or has left its group does not count as stalled.
    func onProgress(_ body: @escaping @Sendable (Bool) -> Void)

    /// Commits the offsets after `records`. Skips partitions that are no longer assigned: their new owner receives the
    /// records again.
    /// - Throws: `MessageBusError`, retriable while the broker is unavailable.
    func commit(_ records: [Record]) async throws

    /// Commits positions, also while `nextBatch` waits. Skips those whose partition was revoked since. The caller never
    /// passes a position before an earlier one of the same assignment.
    /// - Throws: `MessageBusError`, retriable while the broker is unavailable.
    func commit(_ positions: [CommitPosition]) async throws

    /// Stops fetching and keeps the group membership, even if the session is lost meanwhile. Records that were fetched
    /// but not returned are fetched again after `resume`.
    func pause() async
    func resume() async

    /// Gives up all partitions at the next call of `nextBatch`, when the previous batch is processed and committed.
    /// That call then waits for `rejoin` or `stop`. Safe to call from any thread.
    /// - Parameter gone: called once no partition is assigned.
    func leave(_ gone: @escaping @Sendable () -> Void)

    /// Joins the group again. Safe to call from any thread.
    func rejoin()

    /// Ends `nextBatch`. Safe to call from any thread, including the task of a signal handler.
    func stop()

    /// Leaves the group immediately, without waiting for the session timeout.
    func close() async
}

extension MessageConsumer {
    /// - Returns: those of the records of the last batch whose partitions are still assigned. The other records are
    ///   processed by the new owner of their partition, or are delivered again.
    public func held(_ records: [Record]) -> [Record] { records.filter { assignment(of: $0.topicPartition) != nil } }

    /// The default, for a consumer whose partitions are never revoked.
    public func assignment(of partition: TopicPartition) -> Int? { 0 }

    /// The default, for a consumer whose partitions are never revoked.
    public func onRevocation(_ body: @escaping @Sendable (PartitionRevocation) -> Void) {}

    /// The default, for a consumer that cannot stall.
    public func onProgress(_ body: @escaping @Sendable (Bool) -> Void) {}
}

/// Writes records idempotently. All in-sync replicas must acknowledge them.
public protocol MessageProducer: Sendable {
    /// Returns when every record is acknowledged.
    /// - Throws: `MessageBusError` if a record is not acknowledged. Some of the records may be written in this case, so
    ///   callers repeat all of them with the same ids.
    func send(_ records: [OutgoingRecord]) async throws

    /// Does the same, and tells the caller before a long wait, so that it can release what others need, such as
    /// partitions.
    /// - Parameter onWait: called before the producer waits until readers have caught up. Only the embedded broker
    ///   requires this.
    func send(_ records: [OutgoingRecord], onWait: () async -> Void) async throws

    /// Flushes all records and closes the producer.
    func close() async
}

extension MessageProducer {
    public func send(_ records: [OutgoingRecord], onWait: () async -> Void) async throws { try await send(records) }
}

/// Reads topics from a given position without a consumer group. It commits no offsets.
public protocol MessageReader: Sendable {
    /// For each partition that held records when reading began, the offset after its last record.
    var backlog: [TopicPartition: Int64] { get }

    /// Returns the next records, at least one.
    /// - Returns: `nil` once the reader was stopped or the task was cancelled.
    /// - Throws: `MessageBusError` only for an error that a retry cannot fix.
    func nextBatch() async throws -> [Record]?

    /// Ends `nextBatch`. Safe to call from any thread.
    func stop()
}

/// A reader for callers that also have to act while no record arrives.
public protocol PolledReader: MessageReader {
    /// - Returns: an empty batch if no record arrived in time; `nil` once `stop` was called or the task was cancelled.
    /// - Throws: `MessageBusError` only for an error that a retry cannot fix.
    func nextBatch(within wait: Duration) async throws -> [Record]?
}

/// The position at which reading a topic begins.
public enum ReadStart: Sendable, Equatable {
    case beginning, end
    /// The first records at or after this time.
    case time(Timestamp)
}

/// A consumer that can change its topics while it runs.
public protocol TopicSubscriber: Sendable {
    /// Subscribes to exactly these topics. Partitions of topics that stay subscribed remain assigned. Safe to call from
    /// any thread.
    /// - Throws: `MessageBusError`
    func subscribe(to topics: [String]) async throws
}

/// Reads the backlog of a consumer group.
public protocol BacklogReader: Sendable {
    /// For each partition, the time of the oldest record that the group has not committed; `nil` if there is none.
    /// - Throws: `MessageBusError`, retriable while the broker is unavailable.
    func oldestWaiting(in topic: String, of group: String) async throws -> Backlog
}

/// The time of the oldest uncommitted record in each partition of a topic.
public struct Backlog: Sendable, Equatable {
    public var oldest: [Timestamp?]

    /// - Parameter oldest: indexed by partition.
    public init(oldest: [Timestamp?]) { self.oldest = oldest }

    /// Whether the group cannot have read a record with this key that was written at `time` or later. A partition is
    /// read in order, so everything after its oldest waiting record has not been read. Whether there is such a record
    /// is not checked.
    public func holds(_ key: [UInt8], since time: Timestamp) -> Bool {
        guard !oldest.isEmpty else { return false }
        return oldest[Murmur2.partition(key, of: oldest.count)].map { $0 <= time } ?? false
    }
}

/// An error of the message bus. Its description never contains keys, values or credentials.
public struct MessageBusError: RetriableError, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case configuration, unavailable, timedOut = "timed_out", tooLarge = "too_large", unknownTopic = "unknown_topic"
        /// The broker rejects the credentials, or one side rejects the other's certificate.
        case authentication
        case fatal
    }

    public let code: Code
    public let message: String
    public let isRetriable: Bool
    public let underlying: (any Error)?

    public init(_ code: Code, _ message: String, isRetriable: Bool, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.underlying = underlying
    }

    /// Every retriable error comes from a broker that does not answer.
    public var isDependencyUnavailable: Bool { isRetriable }

    public var description: String { "\(code.rawValue): \(message)" }
}
