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
