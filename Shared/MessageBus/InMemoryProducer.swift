/// Writes to an `InMemoryBus`.
public struct InMemoryProducer: MessageProducer {
    let bus: InMemoryBus

    public func send(_ records: [OutgoingRecord]) async throws { try bus.append(records) }

    public func close() async {}
}
