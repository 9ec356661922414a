import Contracts
import Synchronization

/// A bus inside of the process: topics with partitions, groups with committed offsets, redelivery. For tests.
public final class InMemoryBus: Sendable {
    /// As the embedded broker's. - Units: bytes.
    static let maxRecordBytes = 1_000_000

    private let state: Mutex<InMemoryLog>
    private let now: @Sendable () -> Timestamp

    /// - Parameter topics: partitions of each.
    public init(topics: [String: Int] = [:], now: @escaping @Sendable () -> Timestamp = { .now }) {
        state = Mutex(InMemoryLog(topics: topics))
        self.now = now
    }

    public func createTopic(_ name: String, partitions: Int = 6) {
        change { $0.create(name, partitions: partitions) }
    }

    public func producer() -> InMemoryProducer { InMemoryProducer(bus: self) }

    /// Joins the group at once; partitions are shared out anew.
    public func consumer(group: String, topics: [String], maxBatch: Int = 500) -> InMemoryConsumer {
        let member = change { $0.join(group, topics: topics) }
        return InMemoryConsumer(bus: self, group: group, member: member, maxBatch: maxBatch)
    }

    /// Everything in the topic: partition by partition, in order within each.
    public func records(in topic: String) -> [Record] { state.withLock { $0.records(in: topic) } }

    /// Returns as soon as the topic holds `count` records; with fewer only when the task is cancelled.
    public func records(in topic: String, atLeast count: Int) async -> [Record] {
        await wait { log in
            let records = log.records(in: topic)
            return records.count >= count ? records : nil
        } ?? records(in: topic)
    }

    /// How many records of the topic the group is done with.
    public func committed(group: String, topic: String) -> Int {
        state.withLock { $0.committed(group, topic) }
    }

    /// Returns as soon as the group is done with `count` records of the topic, or the task is cancelled.
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

    /// Changes the log, then lets everyone look who waits for something.
    @discardableResult
    func change<Result: Sendable>(_ body: (inout InMemoryLog) -> Result) -> Result {
        let (result, ready) = state.withLock { log in
            let result = body(&log)
            return (result, log.takeReady())
        }
        for resume in ready { resume() }
        return result
    }

    /// Returns what `attempt` gives once it gives something; `nil` when the task is cancelled before.
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
