import Contracts
import Delivery
import KafkaBus
import PostgresStore
import Store

/// Where requests are handed in: the topic of a cluster that keeps them, or Postgres where the broker forgets.
enum Outbox: Sendable {
    case topic(KafkaProducer)
    case postgres(PostgresStore)

    /// - Throws: `SettingsError`, `MessageBusError`
    init(_ session: Session) throws {
        self =
            try session.submitsThroughPostgres()
            ? .postgres(PostgresStore(try session.postgres()))
            : .topic(
                try KafkaProducer(settings: try session.kafka(), logger: session.logger, metrics: session.metrics))
    }

    /// Returns when nothing of it can be lost any more.
    func send(_ submissions: some Collection<Submission>) async throws {
        switch self {
        case .topic(let producer): try await producer.send(submissions.map(RequestRecord.record))
        case .postgres(let store): try await store.submit(Array(submissions))
        }
    }

    /// For those that wait in vain: what was answered is answered again.
    func sendAgain(_ submissions: [Submission], answeredBefore instant: Timestamp) async throws {
        guard case .postgres(let store) = self else { return }
        try await store.submitAgain(submissions, answeredBefore: instant)
    }

    func close() async {
        if case .topic(let producer) = self { await producer.close() }
    }
}
