import MessageBus

/// What a service does with the records of a batch: apply them, and say what is to be emitted.
///
/// It must be idempotent: after a crash the same records come again.
public protocol BatchHandler: Sendable {
    /// Returns once what the handler depends on answers; by default it depends on nothing.
    /// - Throws: a retriable fault while it does not.
    func prepare() async throws

    /// - Returns: what the resulting state calls for, under ids that a repetition gives again.
    /// - Throws: a fault; a retriable one (`isRetriable`) is tried again in place, any other isolates the record.
    func handle(_ records: [Record]) async throws -> [OutgoingRecord]
}

extension BatchHandler {
    public func prepare() async throws {}
}
