import Contracts
import Delivery
import KafkaBus
import PostgresStore
import Store

/// Where requests are handed in: the topic of a cluster that keeps them, or Postgres where the broker forgets.
enum Outbox: Sendable {
    case topic(KafkaProducer, room: BrokerRoom)
    case postgres(PostgresStore)

    /// - Throws: `SettingsError`, `MessageBusError`
    init(_ session: Session) throws {
        self =
            try session.submitsThroughPostgres()
            ? .postgres(PostgresStore(try session.postgres()))
            : .topic(
                try KafkaProducer(settings: try session.kafka(), logger: session.logger, metrics: session.metrics),
                room: try BrokerRoom(session))
    }

    /// Returns when nothing of it can be lost any more.
    func send(_ submissions: some Collection<Submission>) async throws {
        switch self {
        case .topic(let producer, _): try await producer.send(submissions.map(RequestRecord.record))
        case .postgres(let store): try await store.submit(Array(submissions))
        }
    }

    /// Returns once the broker has room for another chunk of at most `BrokerRoom.chunkBytes`.
    /// - Throws: `MessageBusError`
    func awaitRoom(in lane: Lane) async throws {
        if case .topic(_, let room) = self { try await room.wait(lane) }
    }

    /// For those that wait in vain: what was answered is answered again.
    func sendAgain(_ submissions: [Submission], answeredBefore instant: Timestamp) async throws {
        guard case .postgres(let store) = self else { return }
        try await store.submitAgain(submissions, answeredBefore: instant)
    }

    func close() async {
        if case .topic(let producer, _) = self { await producer.close() }
    }
}
