/// Writes records, idempotently and acknowledged by all in-sync replicas.
public protocol MessageProducer: Sendable {
    /// Returns when every record is acknowledged.
    /// - Throws: `MessageBusError` when one is not; some of them may be written then, so callers repeat all of them
    ///   under the same ids.
    func send(_ records: [OutgoingRecord]) async throws

    /// Flushes and ends.
    func close() async
}
