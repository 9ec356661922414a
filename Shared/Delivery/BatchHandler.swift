import MessageBus

/// What a service does with the records of a batch: apply them, and say what is to be emitted.
///
/// It must be idempotent: after a crash the same records come again.
public protocol BatchHandler: Sendable {
    /// Returns once what the handler depends on answers; by default it depends on nothing.
    /// - Throws: a retriable fault while it does not.
    func prepare() async throws

    /// Whether the records may be handled now; by default they may.
    func isDue(_ records: [Record]) async -> Bool

    /// Returns once the records may be handled. Called only after `isDue` said that they may not, while the consumer stays
    /// in its group with its partitions paused: the wait may take as long as it likes.
    /// - Returns: `false` when a stop came first; nothing is committed then.
    func waitUntilDue(_ records: [Record]) async -> Bool

    /// - Returns: what the resulting state calls for, under ids that a repetition gives again.
    /// - Throws: a fault: of a dependency, which is waited for; of the records, which may pass or not
    ///   (`infra/decisions/0009-three-kinds-of-faults.md`).
    func handle(_ records: [Record]) async throws -> [OutgoingRecord]
}

extension BatchHandler {
    public func prepare() async throws {}

    public func isDue(_ records: [Record]) async -> Bool { true }

    public func waitUntilDue(_ records: [Record]) async -> Bool { true }
}
