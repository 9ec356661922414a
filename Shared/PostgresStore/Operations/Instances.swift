import Contracts
import Store

extension PostgresStore: InstanceRegister {
    public func note(_ instances: [Instance]) async throws {
        guard !instances.isEmpty else { return }
        let rows = InstanceRows(instances)
        let upsert: SQL = """
            INSERT INTO winnow.instance AS i (
                instance_id, service, host, pid, version, state, partitions, started_at, beat_at, beat_interval_ms, cpu_ms)
            SELECT * FROM unnest(
                \(rows.ids), \(rows.services), \(rows.hosts), \(rows.processIDs), \(rows.versions), \(rows.states),
                \(rows.partitions), \(rows.starts), \(rows.beats), \(rows.intervals), \(rows.processorTimes))
            ON CONFLICT (instance_id) DO UPDATE
            SET service = excluded.service, host = excluded.host, pid = excluded.pid, version = excluded.version,
                state = excluded.state, partitions = excluded.partitions, started_at = excluded.started_at,
                beat_at = excluded.beat_at, beat_interval_ms = excluded.beat_interval_ms, cpu_ms = excluded.cpu_ms
            WHERE i.beat_at <= excluded.beat_at
            """
        try await session.run { connection in _ = try connection.execute(upsert.named("note instances")) }
    }

    public func forgetInstances(silentSince instant: Timestamp) async throws {
        let delete: SQL = "DELETE FROM winnow.instance WHERE beat_at < \(instant)"
        try await session.run { connection in _ = try connection.execute(delete.named("forget instances")) }
    }

    public func instances() async throws -> [Instance] {
        let select: SQL = """
            SELECT instance_id, service, host, pid, version, state, partitions, started_at, beat_at, beat_interval_ms,
                cpu_ms
            FROM winnow.instance ORDER BY instance_id
            """
        return try await session.run { connection in
            try connection.execute(select.named("read instances")).flatMap { result in
                try result.rows { row throws in
                    guard let id = Instance.ID(try row.text("instance_id")) else {
                        throw StoreError(.query, "an instance id cannot be read", isRetriable: false)
                    }
                    return Instance(
                        id: id, service: try row.text("service"), host: try row.text("host"),
                        processID: Int(try row.integer("pid")), version: try row.text("version"),
                        state: try row.label("state"), partitions: Int(try row.integer("partitions")),
                        startedAt: try row.timestamp("started_at"), beatAt: try row.timestamp("beat_at"),
                        processorTime: Int(try row.integer("cpu_ms")),
                        beatInterval: Int(try row.integer("beat_interval_ms")))
                }
            }
        }
    }
}

/// Instances as columns, with one row each, since an upsert can change a row only once.
private struct InstanceRows: Sendable {
    let ids: PostgresArray<String>
    let services: PostgresArray<String>
    let hosts: PostgresArray<String>
    let processIDs: PostgresArray<Int64>
    let versions: PostgresArray<String>
    let states: PostgresArray<String>
    let partitions: PostgresArray<Int32>
    let starts: PostgresArray<Timestamp>
    let beats: PostgresArray<Timestamp>
    let intervals: PostgresArray<Int32>
    let processorTimes: PostgresArray<Int64>

    init(_ instances: [Instance]) {
        let newest = Dictionary(instances.map { ($0.id, $0) }) { $0.beatAt <= $1.beatAt ? $1 : $0 }.values
        let sorted = newest.sorted { $0.id < $1.id }
        ids = PostgresArray(sorted.map(\.id.description))
        services = PostgresArray(sorted.map(\.service))
        hosts = PostgresArray(sorted.map(\.host))
        processIDs = PostgresArray(sorted.map { Int64($0.processID) })
        versions = PostgresArray(sorted.map(\.version))
        states = PostgresArray(sorted.map(\.state.rawValue))
        partitions = PostgresArray(sorted.map { Int32(clamping: $0.partitions) })
        starts = PostgresArray(sorted.map(\.startedAt))
        beats = PostgresArray(sorted.map(\.beatAt))
        intervals = PostgresArray(sorted.map { Int32(clamping: $0.beatInterval) })
        processorTimes = PostgresArray(sorted.map { Int64($0.processorTime) })
    }
}

/// A process of the suite, as operators see it.
public struct FoundInstance: Sendable, Equatable {
    public let service: String
    /// `running`, `draining`, `stopped`, or `lost` after three missed heartbeats.
    public let state: String
    public let partitions: Int
}

/// The dead letters that operators have handled. A login that is a member of `winnow_operator` is sufficient.
public final class DeadLetterRegister: Sendable {
    /// The position of a dead letter in its topic, and its time, since offsets of a recreated topic start again at 0.
    public struct Place: Hashable, Sendable {
        public let topic: String
        public let partition: Int32
        public let offset: Int64
        public let writtenAt: Timestamp

        public init(topic: String, partition: Int32, offset: Int64, writtenAt: Timestamp) {
            self.topic = topic
            self.partition = partition
            self.offset = offset
            self.writtenAt = writtenAt
        }
    }

    public enum Disposition: String, Sendable { case replayed, discarded }

    private let session: PostgresSession

    public init(_ settings: PostgresSettings) { session = PostgresSession(settings) }

    /// - Returns: those of `places` that were handled.
    public func disposed(of places: [Place]) async throws -> Set<Place> {
        guard !places.isEmpty else { return [] }
        let rows = Rows(places)
        let select: SQL = """
            SELECT d.topic, d.partition_id, d.record_offset, d.written_at
            FROM unnest(\(rows.topics), \(rows.partitions), \(rows.offsets), \(rows.instants))
                AS u (topic, partition_id, record_offset, written_at)
            JOIN winnow.dead_letter_disposition AS d USING (topic, partition_id, record_offset, written_at)
            """
        return try await session.run { connection in
            let found = try connection.execute(select.named("read dispositions")).flatMap { result in
                try result.rows { row throws in
                    Place(
                        topic: try row.text("topic"), partition: Int32(try row.integer("partition_id")),
                        offset: try row.integer("record_offset"), writtenAt: try row.timestamp("written_at"))
                }
            }
            return Set(found)
        }
    }

    /// The latest disposition counts: a discarded dead letter may still be replayed.
    public func dispose(of places: [Place], as disposition: Disposition) async throws {
        guard !places.isEmpty else { return }
        let rows = Rows(Array(Set(places)))
        let insert: SQL = """
            INSERT INTO winnow.dead_letter_disposition (topic, partition_id, record_offset, written_at, disposition)
            SELECT topic, partition_id, record_offset, written_at, \(disposition.rawValue)
            FROM unnest(\(rows.topics), \(rows.partitions), \(rows.offsets), \(rows.instants))
                AS u (topic, partition_id, record_offset, written_at)
            ON CONFLICT (topic, partition_id, record_offset, written_at) DO UPDATE
            SET disposition = excluded.disposition, disposed_at = now()
            """
        try await session.run { connection in _ = try connection.execute(insert.named("write dispositions")) }
    }
}

/// Places as columns.
private struct Rows: Sendable {
    let topics: PostgresArray<String>
    let partitions: PostgresArray<Int32>
    let offsets: PostgresArray<Int64>
    let instants: PostgresArray<Timestamp>

    init(_ places: [DeadLetterRegister.Place]) {
        topics = PostgresArray(places.map(\.topic))
        partitions = PostgresArray(places.map(\.partition))
        offsets = PostgresArray(places.map(\.offset))
        instants = PostgresArray(places.map(\.writtenAt))
    }
}
