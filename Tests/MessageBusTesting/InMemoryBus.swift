import Contracts
import MessageBus
import Synchronization

/// A bus inside the process for tests: topics with partitions, groups with committed offsets, redelivery.
public final class InMemoryBus: Sendable {
    /// The same limit as the embedded broker's. - Units: bytes.
    static let maxRecordBytes = 1_000_000

    private let state: Mutex<InMemoryLog>
    private let now: @Sendable () -> Timestamp

    /// - Parameter topics: the number of partitions of each topic.
    public init(topics: [String: Int] = [:], now: @escaping @Sendable () -> Timestamp = { .now }) {
        state = Mutex(InMemoryLog(topics: topics))
        self.now = now
    }

    public func createTopic(_ name: String, partitions: Int = 6) {
        change { $0.create(name, partitions: partitions) }
    }

    public func producer() -> InMemoryProducer { InMemoryProducer(bus: self) }

    /// Joins the group at once. Partitions are then assigned again.
    public func consumer(group: String, topics: [String], maxBatch: Int = 500) -> InMemoryConsumer {
        let member = change { $0.join(group, topics: topics) }
        return InMemoryConsumer(bus: self, group: group, member: member, maxBatch: maxBatch)
    }

    /// All records of the topic: partition by partition, in order within each.
    public func records(in topic: String) -> [Record] { state.withLock { $0.records(in: topic) } }

    /// Returns as soon as the topic has `count` records, or with fewer when the task is cancelled.
    public func records(in topic: String, atLeast count: Int) async -> [Record] {
        await wait { log in
            let records = log.records(in: topic)
            return records.count >= count ? records : nil
        } ?? records(in: topic)
    }

    /// The number of records of the topic that the group has committed.
    public func committed(group: String, topic: String) -> Int {
        state.withLock { $0.committed(group, topic) }
    }

    /// Returns as soon as the group has committed `count` records of the topic, or the task is cancelled.
    public func waitForCommit(group: String, topic: String, atLeast count: Int) async {
        _ = await wait { $0.committed(group, topic) >= count ? true : nil }
    }

    func append(_ records: [OutgoingRecord]) throws(MessageBusError) {
        let time = now()
        let fault = change { log -> MessageBusError? in
            for record in records {
                guard log.partitions(of: record.topic) != nil else {
                    return MessageBusError(.unknownTopic, "\(record.topic) does not exist", isRetriable: true)
                }
                guard record.wireSize <= Self.maxRecordBytes else {
                    return MessageBusError(.tooLarge, "a record for \(record.topic)", isRetriable: false)
                }
            }
            for record in records { log.append(record, time) }
            return nil
        }
        if let fault { throw fault }
    }

    /// Changes the log, then checks all waiters.
    @discardableResult
    func change<Result: Sendable>(_ body: (inout InMemoryLog) -> Result) -> Result {
        let (result, revocations, ready) = state.withLock { log in
            let result = body(&log)
            return (result, log.takeRevocations(), log.takeReady())
        }
        for notice in revocations {
            notice.tell(
                PartitionRevocation(partitions: notice.partitions, isLost: notice.isLost) { [self] in
                    guard !notice.isLost else { return }
                    change { $0.completeRevocation(notice.group, notice.member, notice.partitions) }
                })
        }
        for resume in ready { resume() }
        return result
    }

    /// Returns the first value of `attempt`, or `nil` when the task is cancelled before.
    func wait<Result: Sendable>(_ attempt: @escaping @Sendable (inout InMemoryLog) -> Result?) async -> Result? {
        let id = state.withLock { $0.nextWaiterID() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result?, Never>) in
                let waiter: InMemoryLog.Waiter = { log in
                    let result = attempt(&log)
                    guard result != nil || log.cancelled.contains(id) else { return nil }
                    return { continuation.resume(returning: result) }
                }
                change { $0.waiters[id] = waiter }
            }
        } onCancel: {
            change { _ = $0.cancelled.insert(id) }
        }
    }
}

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
                guard state.membership == .joined else { return state.membership == .leaving ? .leaving : nil }
                let batch = log.poll(group, member, maxBatch)
                return batch.isEmpty ? nil : .batch(batch)
            }
            switch turn {
            case .batch(let batch): return batch
            case .leaving: bus.change { $0.depart(group, member) }
            case .ended, nil: return nil
            }
        }
    }

    public func assignment(of partition: TopicPartition) -> Int? {
        bus.change { log in
            guard let state = log.groups[group]?.members[member], !state.revoking.contains(partition) else {
                return nil
            }
            return state.assignments[partition]
        }
    }

    public func onRevocation(_ body: @escaping @Sendable (PartitionRevocation) -> Void) {
        bus.change { $0.groups[group]?.members[member]?.onRevocation = body }
    }

    /// Takes all partitions away, as if the member had been removed from its group, and assigns them again.
    public func losePartitions() { bus.change { $0.lose(group, member) } }

    public func commit(_ records: [Record]) async throws { bus.change { $0.commit(group, member, records) } }

    public func commit(_ positions: [CommitPosition]) async throws {
        bus.change { $0.commit(group, member, positions) }
    }

    public func pause() async { bus.change { $0.groups[group]?.members[member]?.isPaused = true } }

    public func resume() async { bus.change { $0.groups[group]?.members[member]?.isPaused = false } }

    public func leave(_ gone: @escaping @Sendable () -> Void) {
        bus.change { log in
            guard log.groups[group]?.members[member]?.membership == .joined else { return }
            log.groups[group]?.members[member]?.membership = .leaving
            log.groups[group]?.members[member]?.gone = gone
        }
    }

    public func rejoin() { bus.change { $0.rejoin(group, member) } }

    public func subscribe(to topics: [String]) async throws { bus.change { $0.subscribe(group, member, topics) } }

    public func stop() { bus.change { $0.groups[group]?.members[member]?.isStopped = true } }

    public func close() async { bus.change { $0.leave(group, member) } }
}

/// Writes to an `InMemoryBus`.
public struct InMemoryProducer: MessageProducer {
    let bus: InMemoryBus

    public func send(_ records: [OutgoingRecord]) async throws { try bus.append(records) }

    public func close() async {}
}

extension InMemoryBus: BacklogReader {
    public func oldestWaiting(in topic: String, of group: String) async throws -> Backlog {
        change { log in Backlog(oldest: log.oldestWaiting(group, topic)) }
    }
}

extension InMemoryLog {
    func oldestWaiting(_ group: String, _ topic: String) -> [Timestamp?] {
        (0..<(partitions(of: topic) ?? 0)).map { number in
            let partition = TopicPartition(topic: topic, partition: Int32(number))
            let committed = groups[group]?.committed[partition] ?? 0
            return records(in: topic).first { $0.partition == partition.partition && $0.offset >= committed }?.timestamp
        }
    }
}
