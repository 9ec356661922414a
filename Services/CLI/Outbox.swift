import Contracts
import Delivery
import KafkaBus
import PostgresStore
import Store

/// Where requests are handed in: the topic of a cluster that keeps them, or Postgres where the broker forgets.
enum Outbox: Sendable {
    /// - Parameter isOwn: whether the tenant has topics of its own.
    case topic(KafkaProducer, isOwn: Bool)
    case postgres(PostgresStore)

    /// - Parameter limit: what may wait on the embedded broker.
    /// - Throws: `SettingsError`, `MessageBusError`
    init(_ session: Session, hasOwnTopics: Bool, limit: UnreadLimit) throws {
        self =
            try session.submitsThroughPostgres()
            ? .postgres(PostgresStore(try session.postgres()))
            : .topic(
                try KafkaProducer(
                    settings: try session.kafka(), limit: limit, logger: session.logger, metrics: session.metrics),
                isOwn: hasOwnTopics)
    }

    /// Returns when nothing of it can be lost any more.
    /// - Returns: the ids of those that were not taken, since another body waits under their id. On the topic that is the
    ///   suite's to say.
    func send(_ submissions: [Submission]) async throws -> Set<EventID> {
        switch self {
        case .topic(let producer, let isOwn):
            try await producer.send(
                submissions.map { submission in
                    let own = isOwn ? Topic.requests(submission.lane, of: submission.tenant) : nil
                    return RequestRecord.record(submission, topic: own)
                })
            return []
        case .postgres(let store):
            return Set(try await store.submit(submissions).map { submissions[$0].eventID })
        }
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
