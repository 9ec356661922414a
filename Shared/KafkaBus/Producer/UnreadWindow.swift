import CRDKafka
import Contracts
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// Keeps the unread records of one producer below the amount that a partition of the embedded broker can hold.
///
/// A record normally costs one addition. From half of the limit on, a background thread reads what the consumer group
/// has committed. So only a producer that is faster than its readers waits. There is no limit for topics without a
/// consumer group that must see every record (`ConsumerGroup.reading`).
final class UnreadWindow: Sendable {
    /// The time between two checks while a producer waits.
    private static let pause = Duration.milliseconds(20)
    /// Only longer waits call `onWait`: pausing partitions costs more than a wait this short.
    private static let shortWait = Duration.milliseconds(200)

    private let limit: UnreadLimit
    private let settings: KafkaSettings
    private let logger: Logger
    private let topics = Mutex<[String: UnreadTopic]>([:])
    /// A client with a group's name can read its committed offsets without joining it.
    private let clients = Mutex<[String: KafkaHandle]>([:])
    private let thread = ThreadExecutor()
    private let overruns: Counter

    init(_ limit: UnreadLimit, settings: KafkaSettings, logger: Logger, metrics: Metrics) {
        self.limit = limit
        self.settings = settings
        self.logger = logger
        overruns = metrics.counter(
            "winnow_kafka_unread_limit_exceeded_total",
            "Waits for readers of the embedded broker that ended without free space; unread records may be deleted.")
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

    /// - Returns: how many of the records, from the first one, may be written now. These records are counted as unread.
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

    /// Called when the records are in the log or will never be.
    func settle(_ records: ArraySlice<OutgoingRecord>) {
        topics.withLock { topics in for record in records { topics[record.topic]?.settle(record) } }
    }

    /// Returns when there is space for the record, or when the group has not read for too long.
    /// - Throws: `MessageBusError.unavailable` if the service is shutting down; `.timedOut` if the limit is strict.
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
                throw MessageBusError(.unavailable, "the service stopped before there was space", isRetriable: true)
            }
        }
    }

    private func giveUp(_ topic: String) throws(MessageBusError) {
        guard !limit.isStrict else {
            throw MessageBusError(
                .timedOut, "\(topic) has no active readers and is full", isRetriable: true)
        }
        topics.withLock { $0[topic]?.giveUp() }
        overruns.increment()
        logger.warning(
            "Readers do not keep up; the broker may delete unread records",
            metadata: [LogKeys.destination: topic])
    }

    /// Blocks for two round trips, on this window's thread. A failed check changes nothing.
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
                // The offset is negative if nothing was committed.
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

/// The limit of a producer's unread records in a partition of the embedded broker. This broker keeps 5 MiB and silently
/// deletes the oldest records, read or not. A cluster with time-based retention has no such limit.
/// - Source: infra/decisions/0042-embedded-broker-backpressure.md
public struct UnreadLimit: Sendable {
    /// The limit for one partition and this process. - Units: bytes.
    public var bytes: Int
    /// How long the consumer group may read nothing before the producer no longer waits for it.
    public var longestWait: Duration
    /// Whether existing records of other producers count, and whether a group that does not read is an error.
    public var isStrict: Bool

    public init(bytes: Int, longestWait: Duration, isStrict: Bool = false) {
        self.bytes = bytes
        self.longestWait = longestWait
        self.isStrict = isStrict
    }

    /// Four processes can write to one partition without exceeding its size. The wait is longer than the retry delay of
    /// a record and longer than a client needs to find a restarted broker. If two services wait for each other, both
    /// continue after this time.
    public static let service = UnreadLimit(bytes: 1 << 20, longestWait: .seconds(40))

    /// For clients that submit requests. Their records could not be recovered if the broker deleted them.
    public static let submission = UnreadLimit(bytes: 2 << 20, longestWait: .seconds(60), isStrict: true)
}

/// The unread records of one producer in a topic. Performs no I/O: checks provide the committed and the end offsets of
/// the partitions.
struct UnreadTopic: Sendable {
    enum Admission { case full, admitted, admittedAndLookIsDue }

    /// The time between two background checks: normally, and while the group does not read.
    private static let interval = Duration.milliseconds(100)
    private static let longInterval = Duration.seconds(1)

    let group: String
    private let limit: Int
    private var partitions: [UnreadBytes]
    /// The committed offset of each partition at the last check.
    private var committed: [Int64]
    private var isLooking = false
    private var lookedAt: ContinuousClock.Instant?
    /// The committed offsets when a wait ended without free space. The producer does not wait for the group again until
    /// they change.
    private var givenUpAt: [Int64]?

    /// - Parameters:
    ///   - limit: the number of bytes in each partition.
    ///   - others: the number of bytes that are assumed to be unread in each partition initially.
    init(group: String, partitions: Int, limit: Int, others: Int = 0) {
        self.group = group
        self.limit = limit
        self.partitions = Array(repeating: UnreadBytes(others: others), count: partitions)
        committed = Array(repeating: 0, count: partitions)
    }

    /// For each partition, the bytes that are in the log or will never be. Passed to the next check.
    var written: [Int] { partitions.map(\.written) }

    mutating func admit(
        _ record: OutgoingRecord, now: @autoclosure () -> ContinuousClock.Instant = .now
    ) -> Admission {
        guard givenUpAt != nil || hasRoom(for: record) else { return .full }
        let bytes = record.wireSize
        let places = places(of: record)
        for place in places { partitions[place].admit(bytes) }
        let pause = givenUpAt == nil ? Self.interval : Self.longInterval
        guard !isLooking, places.contains(where: { partitions[$0].count > limit / 2 }),
            lookedAt.map({ now() - $0 > pause }) ?? true
        else { return .admitted }
        isLooking = true
        return .admittedAndLookIsDue
    }

    mutating func settle(_ record: OutgoingRecord) {
        let bytes = record.wireSize
        for place in places(of: record) { partitions[place].settle(bytes) }
    }

    /// - Parameters:
    ///   - offsets: for each partition; `nil` if the check failed.
    ///   - written: the value of `written` before the check.
    mutating func look(
        _ offsets: [(committed: Int64, end: Int64)]?, written: [Int], now: ContinuousClock.Instant = .now
    ) {
        (isLooking, lookedAt) = (false, now)
        guard let offsets, offsets.count == partitions.count else { return }
        for place in partitions.indices {
            partitions[place].look(
                committed: offsets[place].committed, end: offsets[place].end, written: written[place])
            committed[place] = offsets[place].committed
        }
        if givenUpAt != committed { givenUpAt = nil }
    }

    mutating func giveUp() { givenUpAt = committed }

    /// The group's committed offsets in the partitions that the record may go to; `nil` if the record need not wait.
    func progress(of record: OutgoingRecord) -> ArraySlice<Int64>? {
        givenUpAt != nil || hasRoom(for: record) ? nil : committed[places(of: record)]
    }

    private func hasRoom(for record: OutgoingRecord) -> Bool {
        let bytes = record.wireSize
        return places(of: record).allSatisfy { partitions[$0].hasRoom(for: bytes, limit: limit) }
    }

    /// The partitions that a record may go to. A record without a key may go to any of them.
    private func places(of record: OutgoingRecord) -> Range<Int> {
        guard let key = record.key else { return partitions.indices }
        let place = Murmur2.partition(key, of: partitions.count)
        return place..<place + 1
    }
}

/// The bytes of one partition that this process wrote and the consumer group has not read.
private struct UnreadBytes: Sendable {
    /// An end offset, seen when the log held `written` bytes. A group that has committed it has read these bytes.
    private struct Mark {
        let end: Int64
        let written: Int
    }

    private var admitted: Int
    private(set) var written: Int
    private var read = 0
    private var mark: Mark?

    init(others: Int) { (admitted, written) = (others, others) }

    var count: Int { admitted - read }

    /// A record that is larger than the limit is admitted if nothing else is unread.
    func hasRoom(for bytes: Int, limit: Int) -> Bool { count == 0 || count + bytes <= limit }

    mutating func admit(_ bytes: Int) { admitted += bytes }

    mutating func settle(_ bytes: Int) { written += bytes }

    mutating func look(committed: Int64, end: Int64, written: Int) {
        // If the end offset decreases, the log is new: the broker has restarted empty.
        if let mark, committed >= mark.end || end < mark.end {
            read = max(read, mark.written)
            self.mark = nil
        }
        if committed >= end {
            read = max(read, written)
            mark = nil
        } else if mark == nil {
            mark = Mark(end: end, written: written)
        }
    }
}
