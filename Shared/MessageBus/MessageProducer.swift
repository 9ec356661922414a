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
