/// A member of a group of an `InMemoryBus`.
public struct InMemoryConsumer: MessageConsumer, TopicSubscriber {
    private enum Turn: Sendable { case batch([Record]), leaving, ended }

    let bus: InMemoryBus
    let group: String
    let member: Int
    let maxBatch: Int

    public var partitionCount: Int { bus.change { $0.groups[group]?.members[member]?.positions.count ?? 0 } }

    public func connect() async throws {}

    /// A cancelled task stops the consumer.
    public func nextBatch() async throws -> [Record]? {
        while true {
            let turn = await bus.wait { [group, member, maxBatch] log -> Turn? in
                guard let state = log.groups[group]?.members[member], !state.isStopped else { return .ended }
                guard state.presence == .joined else { return state.presence == .leaving ? .leaving : nil }
                let batch = log.poll(group, member, maxBatch)
                return batch.isEmpty ? nil : .batch(batch)
            }
            switch turn {
            case .batch(let batch): return batch
            case .leaving: bus.change { $0.depart(group, member) }?()
            case .ended, nil: return nil
            }
        }
    }

    public func held(_ records: [Record]) -> [Record] {
        let held = bus.change { Set($0.groups[group]?.members[member]?.positions.keys.map(\.self) ?? []) }
        return records.filter { held.contains(TopicPartition(topic: $0.topic, partition: $0.partition)) }
    }

    public func commit(_ records: [Record]) async throws { bus.change { $0.commit(group, member, records) } }

    public func pause() async { bus.change { $0.groups[group]?.members[member]?.isPaused = true } }

    public func resume() async { bus.change { $0.groups[group]?.members[member]?.isPaused = false } }

    public func leave(_ gone: @escaping @Sendable () -> Void) {
        bus.change { log in
            guard log.groups[group]?.members[member]?.presence == .joined else { return }
            log.groups[group]?.members[member]?.presence = .leaving
            log.groups[group]?.members[member]?.gone = gone
        }
    }

    public func rejoin() { bus.change { $0.rejoin(group, member) } }

    public func subscribe(to topics: [String]) async throws { bus.change { $0.subscribe(group, member, topics) } }

    public func stop() { bus.change { $0.groups[group]?.members[member]?.isStopped = true } }

    public func close() async { bus.change { $0.leave(group, member) } }
}
