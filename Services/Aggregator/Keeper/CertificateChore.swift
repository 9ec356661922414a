import Contracts
import Delivery
import MessageBus
import Store
import Synchronization
import Telemetry

/// Tells the workers which certificates stand: when this process takes the lead, after every change, and once in a while.
///
/// It writes a record for every task, also where no certificate stands: otherwise a revoked one would remain the last word of
/// the topic.
final class CertificateChore: Chore {
    let name = "certificates"
    let interval: Duration
    private let source: EventSource
    private let store: any CertificateRegister
    private let producer: any MessageProducer
    private let republishMilliseconds: Int64
    private let logger: Logger
    private let unreadable: Gauge
    private let now: @Sendable () -> Timestamp
    /// Ids of certificates that could not be read the last time.
    private let known = Mutex<[String]>([])
    /// What was published last, and when.
    private let published = Mutex<(certificates: [StandingCertificates], at: Timestamp)?>(nil)

    init(
        interval: Duration, source: EventSource, store: any CertificateRegister, producer: any MessageProducer,
        republishMilliseconds: Int64, logger: Logger, metrics: Metrics, now: @escaping @Sendable () -> Timestamp
    ) {
        self.interval = interval
        self.source = source
        self.store = store
        self.producer = producer
        self.republishMilliseconds = republishMilliseconds
        self.logger = logger
        self.now = now
        unreadable = metrics.gauge(
            "winnow_certificates_unreadable", "Certificates that cannot be read, so that their tasks escalate.")
    }

    func work() async throws -> ChoreRound {
        let register = try await store.readCertificates()
        note(register.unreadable)
        let revoked = try await store.revokedTenants(of: register.standing.map(\.id))
        let standing = Route.requestable.map { route in
            let own = register.standing.filter { $0.route == route }
            return StandingCertificates(
                route: route, certificates: own,
                revokedTenants: revoked.filter { id, _ in own.contains { $0.id == id } })
        }
        let time = now()
        guard isDue(standing, at: time) else { return .nothing }
        try await producer.send(
            standing.map { message in
                let event = CloudEvent(
                    id: "\(message.route)/\(time.milliseconds)", type: EventType.certificate, source: source.uri,
                    time: time, data: message.encode())
                return event.record(topic: Topic.certificates, key: Array(message.route.description.utf8))
            })
        if note(standing, at: time) {
            logger.notice("Certificates published", metadata: [LogKeys.count: "\(register.standing.count)"])
        }
        return ChoreRound(handled: standing.count)
    }

    private func note(_ ids: [String]) {
        let isNews = known.withLock { known in
            defer { known = ids }
            return known != ids
        }
        unreadable.set(ids.count)
        guard isNews else { return }
        for id in ids {
            logger.error("A certificate cannot be read: its task escalates", metadata: [LogKeys.certificateID: id])
        }
    }

    private func isDue(_ certificates: [StandingCertificates], at time: Timestamp) -> Bool {
        published.withLock { last in
            guard let last else { return true }
            return last.certificates != certificates || last.at.adding(milliseconds: republishMilliseconds) <= time
        }
    }

    /// - Returns: whether it is news.
    private func note(_ certificates: [StandingCertificates], at time: Timestamp) -> Bool {
        published.withLock { last in
            defer { last = (certificates, time) }
            return last?.certificates != certificates
        }
    }
}
