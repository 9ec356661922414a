import Contracts
import Delivery
import Inference
import Lifecycle
import MessageBus
import Planning
import Synchronization
import Telemetry

/// The certificates of the models that run, so that a new certificate needs no restart.
///
/// A publication about a task replaces the previous one. Each is valid for `StandingCertificates.lifetime` after it was
/// read. Without an aggregator nobody checks the certificates, so they expire, and the next publication restores them.
/// If no certificate is valid, the follower logs one warning and sets `winnow_certificate_valid` to 0.
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

    private let models: [Route: ModelPair]
    private let lifetime: Duration
    private let logger: Logger
    private let gauges: [Route: Gauge]
    private let now: @Sendable () -> Instant
    private let state = Mutex(State())
    private let published: PublishedCertificates

    /// - Parameters:
    ///   - models: the models that run, on each route that the process answers.
    ///   - tier: which models of their routes the first ones are.
    ///   - published: what was read before counts too.
    public init(
        models: [Route: ModelPair], tier: Answer.DecidedBy = .worker, published: PublishedCertificates, logger: Logger,
        metrics: Metrics
    ) {
        self.models = models
        self.published = published
        self.logger = logger
        lifetime = published.lifetime
        now = published.now
        gauges = models.keys.reduce(into: [:]) { gauges, route in
            gauges[route] = metrics.gauge(
                "winnow_certificate_valid", "1 if a certificate is valid for the running models, else 0.",
                [("capability", route.capability.rawValue), ("task", route.task)]
                    + (tier == .worker ? [] : [("tier", tier.rawValue)]))
        }
        published.subscribe(self)
    }

    public func prepare() async { await published.prepare() }

    public func certificate(_ route: Route, for tenant: TenantID) -> Certificate? {
        expire()
        let (valid, isNew) = state.withLock { state in
            let valid = state.valid[route]?.entry
            return (valid, valid == nil && state.complained.insert(route).inserted)
        }
        if isNew {
            logger.warning(
                "No certificate is valid, so everything escalates",
                metadata: [LogKeys.route: "\(route)", LogKeys.requestModel: models[route]?.small.description ?? "none"])
        }
        return valid.flatMap { $0.revokedTenants.contains(tenant) ? nil : $0.certificate }
    }

    /// The time until the next certificate expires.
    fileprivate var untilNextExpiry: Duration {
        let next = state.withLock { $0.valid.values.map(\.expiresAt).min() }
        return next.map { now().duration(to: $0) } ?? lifetime
    }

    fileprivate func expire() {
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

    fileprivate func note(_ standing: StandingCertificates, until expiresAt: Instant) {
        guard let gauge = gauges[standing.route], let models = models[standing.route] else { return }
        let valid = standing.certificates.first {
            $0.route == standing.route && $0.covers(models)
        }.map { Valid(certificate: $0, revokedTenants: standing.revokedTenants[$0.id] ?? []) }
        let isNews = state.withLock { state in
            let before = state.valid[standing.route]?.entry
            state.valid[standing.route] = valid.map { ($0, expiresAt) }
            if before?.certificate.id != valid?.certificate.id { state.complained.remove(standing.route) }
            return before != valid
        }
        gauge.set(valid == nil ? 0 : 1)
        guard isNews else { return }
        logger.notice(
            valid == nil ? "Certificate is no longer valid" : "Certificate is valid",
            metadata: [
                LogKeys.route: "\(standing.route)",
                LogKeys.certificateID: valid.map { "\($0.certificate.id)" } ?? "none",
                LogKeys.count: "revoked for \(valid?.revokedTenants.count ?? 0) tenants",
            ])
    }
}

/// The newest publication about each task, for the models that a process runs one after the other.
/// - Consumes: `winnow.certificates.v1`, without a group
public final class PublishedCertificates: Service {
    public typealias Instant = ContinuousClock.Instant

    private struct State {
        var newest: [Route: (standing: StandingCertificates, expiresAt: Instant)] = [:]
        var subscribers: [WeakFollower] = []
    }

    private struct WeakFollower {
        weak var follower: CertificateFollower?
    }

    fileprivate let lifetime: Duration
    fileprivate let now: @Sendable () -> Instant
    private let state = Mutex(State())
    private let caughtUp = Signal()

    /// - Parameters:
    ///   - lifetime: how long a publication is valid after it was read.
    ///   - now: a monotonic clock, because the clocks of producer and consumer may differ.
    public init(
        _ follower: TopicFollower, lifetime: Duration = StandingCertificates.lifetime,
        now: @escaping @Sendable () -> Instant = { .now }
    ) {
        self.lifetime = lifetime
        self.now = now
        follower.follow(Topic.certificates, from: .beginning, caughtUp) { [weak self] in self?.note($0) }
    }

    /// Returns once every earlier certificate is known, or a stop was requested.
    func prepare() async { await caughtUp.wait() }

    /// Expires certificates on time, even if no step asks for one, so that the metric and the log are current.
    public func run() async {
        var wait: Duration
        repeat {
            let followers = followers
            for follower in followers { follower.expire() }
            wait = followers.map(\.untilNextExpiry).min() ?? lifetime
        } while await sleepUnlessShutDown(for: wait)
    }

    fileprivate func subscribe(_ follower: CertificateFollower) {
        // Under the lock, so that no newer publication comes in between.
        state.withLock { state in
            state.subscribers.removeAll { $0.follower == nil }
            state.subscribers.append(WeakFollower(follower: follower))
            for publication in state.newest.values { follower.note(publication.standing, until: publication.expiresAt) }
        }
    }

    private var followers: [CertificateFollower] { state.withLock { $0.subscribers.compactMap(\.follower) } }

    private func note(_ records: [Record]) {
        for record in records {
            let data = (try? CloudEvent(record, as: EventType.certificate))?.data
            guard let standing = data.flatMap({ try? StandingCertificates(decoding: $0) }) else { continue }
            let expiresAt = now().advanced(by: lifetime)
            state.withLock { state in
                state.newest[standing.route] = (standing, expiresAt)
                for subscriber in state.subscribers { subscriber.follower?.note(standing, until: expiresAt) }
            }
        }
    }
}

/// The certificates that allow a small or a middle model to answer in place of the full model.
public protocol Certificates: Sendable {
    /// Returns once every earlier certificate is known, or a stop was requested.
    func prepare() async

    /// - Returns: `nil` if no certificate is valid for the running models and the tenant, so that everything escalates.
    func certificate(_ route: Route, for tenant: TenantID) -> Certificate?
}
