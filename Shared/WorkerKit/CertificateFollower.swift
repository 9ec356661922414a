import Contracts
import Delivery
import Inference
import Lifecycle
import MessageBus
import Planning
import Synchronization
import Telemetry

/// Follows the certificates from the first record that the topic still has, so that a new certificate needs no restart.
///
/// A publication about a task replaces the previous one. Each is valid for `StandingCertificates.lifetime` after it was
/// read. Without an aggregator nobody checks the certificates, so they expire, and the next publication restores them.
/// If no certificate is valid, the follower logs one warning and sets `winnow_certificate_valid` to 0.
/// - Consumes: `winnow.certificates.v1`, without a group
public final class CertificateFollower: Certificates {
    public typealias Instant = ContinuousClock.Instant

    private struct State {
        var valid: [Route: (entry: Valid, expiresAt: Instant)] = [:]
        var complained: Set<Route> = []
    }

    /// A certificate, and the tenants that it is revoked for.
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
    ///   - full: the model that the small model must agree with.
    ///   - lifetime: how long a publication is valid after it was read.
    ///   - now: a monotonic clock, because the clocks of producer and consumer may differ.
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
                "winnow_certificate_valid", "1 if a certificate is valid for the running models, else 0.",
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
                "No certificate is valid, so everything escalates",
                metadata: [LogKeys.route: "\(route)", LogKeys.requestModel: small])
        }
        return valid.flatMap { $0.revokedTenants.contains(tenant) ? nil : $0.certificate }
    }

    /// Expires certificates on time, even if no step asks for one, so that the metric and the log are current.
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
                "Certificate expired without a new publication: everything escalates until the next one",
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
                valid == nil ? "Certificate is no longer valid" : "Certificate is valid",
                metadata: [
                    LogKeys.route: "\(standing.route)",
                    LogKeys.certificateID: valid.map { "\($0.certificate.id)" } ?? "none",
                    LogKeys.count: "revoked for \(valid?.revokedTenants.count ?? 0) tenants",
                ])
        }
    }
}

/// The certificates that allow a small model to answer in place of the full model.
public protocol Certificates: Sendable {
    /// Returns once every earlier certificate is known, or a stop was requested.
    func prepare() async

    /// - Returns: `nil` if no certificate is valid for the running models and the tenant, so that everything escalates.
    func certificate(_ route: Route, for tenant: TenantID) -> Certificate?
}
