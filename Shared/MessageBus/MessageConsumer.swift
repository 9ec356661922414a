import Contracts

/// A member of a consumer group. Used by one task at a time: poll, apply, emit, commit, in that order.
public protocol MessageConsumer: Sendable {
    /// How many partitions it has at the moment.
    var partitionCount: Int { get }

    /// Returns once the cluster answers.
    /// - Throws: `MessageBusError`, retriable while it does not.
    func connect() async throws

    /// The next records, at least one; they grow with the load up to the configured batch.
    /// - Returns: `nil` once `stop` was called and nothing more will come.
    /// - Throws: `MessageBusError` only for a fault that waiting cannot mend.
    func nextBatch() async throws -> [Record]?

    /// - Returns: those of the records handed out last whose partitions have not been taken away since. The others are
    ///   their new owner's to work on, or come again.
    func held(_ records: [Record]) -> [Record]

    /// Sets who is told `false` when records wait and none was fetched for a minute, and `true` when the consumer goes on.
    /// A consumer that is paused or away is not stalled.
    func onProgress(_ body: @escaping @Sendable (Bool) -> Void)

    /// Commits the offsets after `records`. A partition lost meanwhile is skipped: its new owner gets the records again.
    /// - Throws: `MessageBusError`, retriable while the broker is away.
    func commit(_ records: [Record]) async throws

    /// Stops fetching and stays in the group, also across a loss of its session. What was fetched and not handed out comes
    /// again after `resume`.
    func pause() async
    func resume() async

    /// Leaves its partitions to the other members, as soon as `nextBatch` is called again: what was handed out is
    /// worked on and committed by then. That `nextBatch` waits for `rejoin` or `stop`. Safe from any thread.
    /// - Parameter gone: called once it has no partition any more.
    func leave(_ gone: @escaping @Sendable () -> Void)

    /// Takes part in the group again. Safe from any thread.
    func rejoin()

    /// Ends `nextBatch`. Safe from any thread, a signal handler's task included.
    func stop()

    /// Leaves the group at once instead of by session timeout.
    func close() async
}

extension MessageConsumer {
    /// Of a consumer whose records nobody takes away.
    public func held(_ records: [Record]) -> [Record] { records }

    /// Of a consumer that cannot stall.
    public func onProgress(_ body: @escaping @Sendable (Bool) -> Void) {}
}

/// Writes records, idempotently and acknowledged by all in-sync replicas.
public protocol MessageProducer: Sendable {
    /// Returns when every record is acknowledged.
    /// - Throws: `MessageBusError` when one is not; some of them may be written then, so callers repeat all of them
    ///   under the same ids.
    func send(_ records: [OutgoingRecord]) async throws

    /// The same, for a caller that holds something which others need while it waits.
    /// - Parameter onWait: called before a wait for readers, which the embedded broker asks for and may take long; never
    ///   called otherwise.
    func send(_ records: [OutgoingRecord], onWait: () async -> Void) async throws

    /// Flushes and ends.
    func close() async
}

extension MessageProducer {
    public func send(_ records: [OutgoingRecord], onWait: () async -> Void) async throws { try await send(records) }
}

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

/// Where reading a topic begins.
public enum ReadStart: Sendable, Equatable {
    case beginning, end
    /// The first records at or after it.
    case time(Timestamp)
}

/// A consumer that can follow other topics while it runs.
public protocol TopicSubscriber: Sendable {
    /// Follows exactly these topics from now on. Partitions of topics that it followed before stay with it. Safe from any
    /// thread.
    /// - Throws: `MessageBusError`
    func subscribe(to topics: [String]) async throws
}

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

/// A fault of the bus. Its description never holds keys, values or credentials.
public struct MessageBusError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case configuration, unavailable, timedOut = "timed_out", tooLarge = "too_large", unknownTopic = "unknown_topic"
        /// The broker refuses the credentials, or one side the other's certificate.
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

    public var description: String { "\(code.rawValue): \(message)" }
}
