import Contracts
import Delivery
import MessageBus
import Store
import Synchronization
import Telemetry

extension Sweeper {
    /// Tells the workers which certificates stand: at the start, after every change, and from time to time.
    ///
    /// It writes a record for every task, also where no certificate stands: otherwise a revoked one would remain the last
    /// word of the topic.
    func publishCertificates() async throws {
        let certificates = try await store.standingCertificates()
        let revoked = try await store.revokedTenants(of: certificates.map(\.id))
        let standing = Route.requestable.map { route in
            let own = certificates.filter { $0.route == route }
            return StandingCertificates(
                route: route, certificates: own,
                revokedTenants: revoked.filter { id, _ in own.contains { $0.id == id } })
        }
        let time = now()
        guard published.isDue(standing, at: time, again: settings.republishMilliseconds) else { return }
        try await producer.send(
            standing.map { message in
                let event = CloudEvent(
                    id: "\(message.route)/\(time.milliseconds)", type: EventType.certificate, source: source.uri,
                    time: time, data: message.encode())
                return event.record(topic: Topic.certificates, key: Array(message.route.description.utf8))
            })
        if published.note(standing, at: time) {
            logger.notice("Certificates published", metadata: [LogKeys.count: "\(certificates.count)"])
        }
    }
}

/// What was published last, and when.
final class PublishedCertificates: Sendable {
    private let last = Mutex<(certificates: [StandingCertificates], at: Timestamp)?>(nil)

    func isDue(_ certificates: [StandingCertificates], at time: Timestamp, again interval: Int64) -> Bool {
        last.withLock { last in
            guard let last else { return true }
            return last.certificates != certificates || last.at.adding(milliseconds: interval) <= time
        }
    }

    /// - Returns: whether it is news.
    func note(_ certificates: [StandingCertificates], at time: Timestamp) -> Bool {
        last.withLock { last in
            defer { last = (certificates, time) }
            return last?.certificates != certificates
        }
    }
}
