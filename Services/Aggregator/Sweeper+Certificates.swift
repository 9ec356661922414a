import Contracts
import Delivery
import MessageBus
import Store
import Synchronization
import Telemetry

extension Sweeper {
    /// Tells the workers which certificates stand: at the start, after every change, and once in a while.
    ///
    /// Of every task, also where none stands: what stands no more must not be what the topic says last.
    func publishCertificates() async throws {
        let standing = try await store.standingCertificates()
        let time = now()
        guard published.isDue(standing, at: time, again: settings.republishMilliseconds) else { return }
        let byRoute = Dictionary(grouping: standing, by: \.route)
        try await producer.send(
            Route.requestable.map { route in
                let message = StandingCertificates(route: route, certificates: byRoute[route] ?? [])
                let event = CloudEvent(
                    id: "\(route)/\(time.milliseconds)", type: EventType.certificate, source: source.uri, time: time,
                    data: message.encode())
                return event.record(topic: Topic.certificates, key: Array(route.description.utf8))
            })
        if published.note(standing, at: time) {
            logger.notice("Certificates published", metadata: [LogKeys.count: "\(standing.count)"])
        }
    }
}

/// What was published last, and when.
final class PublishedCertificates: Sendable {
    private let last = Mutex<(certificates: [Certificate], at: Timestamp)?>(nil)

    func isDue(_ certificates: [Certificate], at time: Timestamp, again interval: Int64) -> Bool {
        last.withLock { last in
            guard let last else { return true }
            return last.certificates != certificates || last.at.adding(milliseconds: interval) <= time
        }
    }

    /// - Returns: whether it is news.
    func note(_ certificates: [Certificate], at time: Timestamp) -> Bool {
        last.withLock { last in
            defer { last = (certificates, time) }
            return last?.certificates != certificates
        }
    }
}
