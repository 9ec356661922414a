import Contracts
import Delivery
import Inference
import Lifecycle
import MessageBus
import Planning
import Synchronization
import Telemetry

/// Follows the certificates from the first one that the topic still has, so that a new one needs no restart.
///
/// A publication about a task replaces the one before it. Each holds for `StandingCertificates.lifetime` after it was
/// read: when the aggregator is gone, nobody watches over the certificates, so they expire, and the next publication
/// brings them back. Where no certificate holds, a warning is logged once, and `winnow_certificate_valid` is 0.
/// - Consumes: `winnow.certificates.v1`, without a group
public final class CertificateFollower: Certificates {
    public typealias Instant = ContinuousClock.Instant

    private struct State {
        var valid: [Route: (entry: Valid, expiresAt: Instant)] = [:]
        var complained: Set<Route> = []
    }

    /// A certificate, and the tenants who may not use it.
    private struct Valid: Equatable {
        var certificate: Certificate
        var revokedTenants: Set<TenantID>
    }

    private let small: String
    private let full: String
    private let lifetime: Duration
    private let logger: Logger
    private let gauges: [Route: Gauge]
    private let now: @Sendable () -> Instant
    private let state = Mutex(State())
    private let caughtUp = Signal()

    /// - Parameters:
    ///   - routes: the tasks that the small model answers.
    ///   - full: the model that the small one must agree with.
    ///   - lifetime: how long a publication holds after it was read.
    ///   - now: a monotonic clock, since producer and consumer need not agree on the time of day.
    public init(
        routes: [Route], small: ModelIdentity, full: ModelIdentity, follower: TopicFollower, logger: Logger,
        metrics: Metrics,
        lifetime: Duration = StandingCertificates.lifetime, now: @escaping @Sendable () -> Instant = { .now }
    ) {
        self.small = small.description
        self.full = full.description
        self.lifetime = lifetime
        self.logger = logger
        self.now = now
        gauges = routes.reduce(into: [:]) { gauges, route in
            gauges[route] = metrics.gauge(
                "winnow_certificate_valid", "1 where a certificate holds for the models that run; else all escalates.",
                [("capability", route.capability.rawValue), ("task", route.task)])
        }
        follower.follow(Topic.certificates, from: .beginning, caughtUp) { [weak self] in self?.note($0) }
    }

    public func prepare() async { await caughtUp.wait() }

    public func certificate(_ route: Route, for tenant: TenantID) -> Certificate? {
        expire()
        let (valid, isNew) = state.withLock { state in
            let valid = state.valid[route]?.entry
            return (valid, valid == nil && state.complained.insert(route).inserted)
        }
        if isNew {
            logger.warning(
                "No certificate holds: everything escalates",
                metadata: [LogKeys.route: "\(route)", LogKeys.requestModel: small])
        }
        return valid.flatMap { $0.revokedTenants.contains(tenant) ? nil : $0.certificate }
    }

    /// Lets certificates expire on time where no step asks for them, so that metric and log tell at once.
    public func watch() async {
        repeat { expire() } while await sleepUnlessShutDown(for: untilNextExpiry)
    }

    private var untilNextExpiry: Duration {
        let next = state.withLock { $0.valid.values.map(\.expiresAt).min() }
        return next.map { now().duration(to: $0) } ?? lifetime
    }

    private func expire() {
        let time = now()
        let expired = state.withLock { state in
            let expired = state.valid.filter { $0.value.expiresAt <= time }
            for route in expired.keys {
                state.valid[route] = nil
                state.complained.insert(route)
            }
            return expired
        }
        for (route, valid) in expired {
            gauges[route]?.set(0)
            logger.warning(
                "Certificate expired, as no publication came: everything escalates until the next one",
                metadata: [LogKeys.route: "\(route)", LogKeys.certificateID: "\(valid.entry.certificate.id)"])
        }
    }

    private func note(_ records: [Record]) {
        for record in records {
            let data = (try? CloudEvent(record, as: EventType.certificate))?.data
            guard let standing = data.flatMap({ try? StandingCertificates(decoding: $0) }),
                let gauge = gauges[standing.route]
            else { continue }
            let valid = standing.certificates.first {
                $0.route == standing.route && $0.covers(small: small, full: full)
            }.map { Valid(certificate: $0, revokedTenants: standing.revokedTenants[$0.id] ?? []) }
            let expiresAt = now().advanced(by: lifetime)
            let isNews = state.withLock { state in
                let before = state.valid[standing.route]?.entry
                state.valid[standing.route] = valid.map { ($0, expiresAt) }
                if before?.certificate.id != valid?.certificate.id { state.complained.remove(standing.route) }
                return before != valid
            }
            gauge.set(valid == nil ? 0 : 1)
            guard isNews else { continue }
            logger.notice(
                valid == nil ? "Certificate holds no more" : "Certificate holds",
                metadata: [
                    LogKeys.route: "\(standing.route)",
                    LogKeys.certificateID: valid.map { "\($0.certificate.id)" } ?? "none",
                    LogKeys.count: "\(valid?.revokedTenants.count ?? 0) tenants excepted",
                ])
        }
    }
}

/// By which a small model's answers stand for the full model's.
public protocol Certificates: Sendable {
    /// Returns once every certificate that was there before is known, or a stop came first.
    func prepare() async

    /// - Returns: `nil` where no certificate holds for the models that run and for the tenant: everything escalates.
    func certificate(_ route: Route, for tenant: TenantID) -> Certificate?
}
