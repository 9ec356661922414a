import CRDKafka
import Contracts
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// Reads what waits in front of a group: its committed offsets, and the record at each of them.
public final class KafkaBacklog: BacklogReader {
    private let settings: KafkaSettings
    /// Made when it is first needed: most processes never ask.
    private let admin = Mutex<KafkaAdmin?>(nil)
    private let logger: Logger
    private let thread = ThreadExecutor()

    /// How long the oldest records are awaited; a partition that gave none counts as one where nothing waits.
    private static let patience = Duration.seconds(5)

    public init(settings: KafkaSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    deinit { thread.stop() }

    public func oldestWaiting(in topic: String, of group: String) async throws -> Backlog {
        let admin = try admin.withLock { known in
            let admin = try known ?? KafkaAdmin(settings: settings, logger: logger)
            known = admin
            return admin
        }
        let lags = try await admin.lag(group: group, topics: [topic])
        var oldest = [Timestamp?](repeating: nil, count: lags.count)
        let waiting = lags.filter { $0.count > 0 }.map { ($0.partition, offset: $0.end - $0.count) }
        guard !waiting.isEmpty else { return Backlog(oldest: oldest) }
        for record in try await firstRecords(waiting) where oldest.indices.contains(Int(record.partition)) {
            oldest[Int(record.partition)] = record.timestamp
        }
        return Backlog(oldest: oldest)
    }

    /// The record at each place.
    private func firstRecords(_ places: [(TopicPartition, offset: Int64)]) async throws -> [Record] {
        // librdkafka wants a group's name from whoever polls; one that only assigns never joins it.
        let client = try KafkaHandle(
            .consumer, Properties.reader(settings, clientID: logger.service, group: "winnow.reader"),
            events: ClientEvents(client: "backlog", logger: logger, metrics: Metrics()))
        let source = RecordSource(client)
        return try await thread.run {
            let list = PartitionList(places)
            let code = client.withPointer { rd_kafka_assign($0, list.pointer) }
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw MessageBusError(code, while: "read the oldest records")
            }
            var open = Set(places.map(\.0.partition))
            var records: [Record] = []
            let deadline = ContinuousClock.now + Self.patience
            while !open.isEmpty, ContinuousClock.now < deadline {
                let batch = try source.batch(.init(records: 100), wait: .milliseconds(200))
                records += batch.filter { open.remove($0.partition) != nil }
            }
            return records
        }
    }
}
