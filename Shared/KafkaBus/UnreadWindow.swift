import CRDKafka
import Contracts
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// Keeps what one producer has waiting on the embedded broker below what a partition keeps.
///
/// A record costs an addition. From half of the limit on, the window looks in the background at how far the reading group
/// is; only a producer that outruns its readers waits. Topics without a group that must see every record are not bounded.
final class UnreadWindow: Sendable {
    /// Between two looks of a producer that waits.
    private static let pause = Duration.milliseconds(20)
    /// A wait that is shorter is not told: readers that run are quicker, and pausing partitions costs more.
    private static let shortWait = Duration.milliseconds(200)

    private let limit: UnreadLimit
    private let settings: KafkaSettings
    private let logger: Logger
    private let topics = Mutex<[String: UnreadTopic]>([:])
    /// A client of a group's name may ask for its committed offsets without joining it.
    private let clients = Mutex<[String: KafkaHandle]>([:])
    private let thread = ThreadExecutor()
    private let overruns: Counter

    init(_ limit: UnreadLimit, settings: KafkaSettings, logger: Logger, metrics: Metrics) {
        self.limit = limit
        self.settings = settings
        self.logger = logger
        overruns = metrics.counter(
            "winnow_kafka_unread_limit_exceeded_total",
            "Waits for readers of the embedded broker that ended without room; unread records may be dropped.")
    }

    deinit { thread.stop() }

    func watch(_ topic: String, partitions: Int) {
        guard let group = ConsumerGroup.reading(topic), partitions > 0 else { return }
        topics.withLock { topics in
            guard topics[topic] == nil else { return }
            topics[topic] = UnreadTopic(
                group: group, partitions: partitions, limit: limit.bytes, others: limit.isStrict ? limit.bytes : 0)
        }
    }

    /// - Returns: how many of the records, from the first one on, may be written now. They count from now on.
    func admit(_ records: ArraySlice<OutgoingRecord>) -> Int {
        let (count, due) = topics.withLock { topics in
            var due: [String] = []
            for (count, record) in records.enumerated() {
                switch topics[record.topic]?.admit(record) {
                case .full: return (count, due)
                case .admittedAndLookIsDue: due.append(record.topic)
                case .admitted, .none: continue
                }
            }
            return (records.count, due)
        }
        for topic in due { thread.submit { [weak self] in self?.look(topic) } }
        return count
    }

    /// The records are in the log, or will never be.
    func settle(_ records: ArraySlice<OutgoingRecord>) {
        topics.withLock { topics in for record in records { topics[record.topic]?.settle(record) } }
    }

    /// Returns when there is room for the record, or the group has read nothing for so long that waiting helps nobody.
    /// - Throws: `MessageBusError.unavailable` when a stop came first; `.timedOut` where the limit is strict.
    func wait(for record: OutgoingRecord, onWait: () async -> Void) async throws {
        let start = ContinuousClock.now
        var deadline = start + limit.longestWait
        var committed: ArraySlice<Int64> = []
        var isTold = false
        while true {
            try await thread.run { [self] in look(record.topic) }
            guard let now = topics.withLock({ $0[record.topic]?.progress(of: record) }) else { return }
            if now != committed { (committed, deadline) = (now, .now + limit.longestWait) }
            guard ContinuousClock.now < deadline else { return try giveUp(record.topic) }
            if !isTold, ContinuousClock.now - start > Self.shortWait {
                isTold = true
                await onWait()
            }
            guard await sleepUnlessShutDown(for: Self.pause) else {
                throw MessageBusError(.unavailable, "a stop came before there was room", isRetriable: true)
            }
        }
    }

    private func giveUp(_ topic: String) throws(MessageBusError) {
        guard !limit.isStrict else {
            throw MessageBusError(
                .timedOut, "\(topic) is not read, and the embedded broker keeps no more", isRetriable: true)
        }
        topics.withLock { $0[topic]?.giveUp() }
        overruns.increment()
        logger.warning(
            "Readers do not keep up, and the embedded broker may drop what they have not read",
            metadata: [LogKeys.destination: topic])
    }

    /// Blocks for two round trips, on this window's thread. A look that fails changes nothing.
    private func look(_ topic: String) {
        guard let (group, written) = topics.withLock({ $0[topic].map { ($0.group, $0.written) } }) else { return }
        let offsets = try? offsets(topic, partitions: written.count, of: group)
        topics.withLock { $0[topic]?.look(offsets, written: written) }
    }

    private func offsets(
        _ topic: String, partitions: Int, of group: String
    ) throws(MessageBusError) -> [(committed: Int64, end: Int64)] {
        let client = try client(of: group)
        defer { client.serveErrors() }
        let places = (0..<Int32(partitions)).map { TopicPartition(topic: topic, partition: $0) }
        return try client.withPointer { client throws(MessageBusError) in
            let ends = PartitionList(places.map { ($0, offset: Int64(RD_KAFKA_OFFSET_END)) })
            let committed = PartitionList(places)
            for code in [
                rd_kafka_offsets_for_times(client, ends.pointer, 2_000),
                rd_kafka_committed(client, committed.pointer, 2_000),
            ] where code != RD_KAFKA_RESP_ERR_NO_ERROR {
                throw MessageBusError(code, while: "look at readers")
            }
            var offsets: [(committed: Int64, end: Int64)] = []
            for (end, committed) in zip(ends.entries, committed.entries) {
                guard end.error == RD_KAFKA_RESP_ERR_NO_ERROR, end.offset >= 0 else {
                    throw MessageBusError(.unavailable, "a partition has no leader", isRetriable: true)
                }
                // Negative where nothing was committed.
                offsets.append((max(0, committed.offset), end.offset))
            }
            return offsets
        }
    }

    private func client(of group: String) throws(MessageBusError) -> KafkaHandle {
        if let client = clients.withLock({ $0[group] }) { return client }
        let client = try KafkaHandle(
            .consumer, Properties.reader(settings, clientID: logger.service, group: group),
            events: ClientEvents(client: "unread-window", logger: logger, metrics: Metrics()))
        clients.withLock { $0[group] = client }
        return client
    }
}
