import Contracts
import Store

/// Which dead letters need nobody any more; a login that is a member of `winnow_operator` is enough.
public final class DeadLetterRegister: Sendable {
    /// A dead letter's place in its topic, and when it was written: a topic made anew counts from 0 again.
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

    /// - Returns: those of `places` that were disposed of.
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
                        topic: row.text(0), partition: Int32(try row.integer(1)), offset: try row.integer(2),
                        writtenAt: try row.timestamp(3))
                }
            }
            return Set(found)
        }
    }

    /// The last word counts: what was discarded may be replayed after all.
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
