/// A member of a consumer group. Used by one task at a time: poll, apply, emit, commit, in that order.
public protocol MessageConsumer: Sendable {
    /// Returns once the cluster answers.
    /// - Throws: `MessageBusError`, retriable while it does not.
    func connect() async throws

    /// The next records, at least one; they grow with the load up to the configured batch.
    /// - Returns: `nil` once `stop` was called and nothing more will come.
    /// - Throws: `MessageBusError` only for a fault that waiting cannot mend.
    func nextBatch() async throws -> [Record]?

    /// Commits the offsets after `records`. A partition lost meanwhile is skipped: its new owner gets the records again.
    /// - Throws: `MessageBusError`, retriable while the broker is away.
    func commit(_ records: [Record]) async throws

    /// Stops fetching, stays in the group; what was fetched and not handed out comes again after `resume`.
    func pause() async
    func resume() async

    /// Ends `nextBatch`. Safe from any thread, a signal handler's task included.
    func stop()

    /// Leaves the group at once instead of by session timeout.
    func close() async
}
