/// A member of a group of an `InMemoryBus`.
public struct InMemoryConsumer: MessageConsumer {
    let bus: InMemoryBus
    let group: String
    let member: Int
    let maxBatch: Int

    public func connect() async throws {}

    /// A cancelled task stops the consumer.
    public func nextBatch() async throws -> [Record]? {
        let batch = await bus.wait { [group, member, maxBatch] log -> [Record]? in
            guard let state = log.groups[group]?.members[member], !state.isStopped else { return [] }
            let batch = log.poll(group, member, maxBatch)
            return batch.isEmpty ? nil : batch
        }
        return batch.flatMap { $0.isEmpty ? nil : $0 }
    }

    public func commit(_ records: [Record]) async throws { bus.change { $0.commit(group, member, records) } }

    public func pause() async { bus.change { $0.groups[group]?.members[member]?.isPaused = true } }

    public func resume() async { bus.change { $0.groups[group]?.members[member]?.isPaused = false } }

    public func stop() { bus.change { $0.groups[group]?.members[member]?.isStopped = true } }

    public func close() async { bus.change { $0.leave(group, member) } }
}
