import Contracts
import Delivery
import Inference
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// Follows the certificates from the first one that the topic still has, so that a new one needs no restart.
///
/// What the topic says of a task replaces what it said before; what it has forgotten stays as it was. Where no
/// certificate holds it says so once, and `winnow_certificate_valid` is 0.
/// - Consumes: `winnow.certificates.v1`, without a group
public final class CertificateTail: Certificates {
    private struct State {
        var valid: [Route: Valid] = [:]
        var complained: Set<Route> = []
    }

    /// A certificate, and the tenants who may not use it.
    private struct Valid: Equatable {
        var certificate: Certificate
        var revokedTenants: Set<TenantID>
    }

    private let small: String
    private let full: String
    private let logger: Logger
    private let gauges: [Route: Gauge]
    private let state = Mutex(State())
    private let caughtUp = Signal()

    /// - Parameters:
    ///   - routes: what the small model answers.
    ///   - full: what it is to agree with.
    public init(
        routes: [Route], small: ModelIdentity, full: ModelIdentity, tail: Tail, logger: Logger, metrics: Metrics
    ) {
        self.small = small.description
        self.full = full.description
        self.logger = logger
        gauges = routes.reduce(into: [:]) { gauges, route in
            gauges[route] = metrics.gauge(
                "winnow_certificate_valid", "1 where a certificate holds for the models that run; else all escalates.",
                [("capability", route.capability.rawValue), ("task", route.task)])
        }
        tail.follow(Topic.certificates, from: .beginning, caughtUp) { [weak self] in self?.note($0) }
    }

    public func prepare() async { await caughtUp.wait() }

    public func certificate(_ route: Route, for tenant: TenantID) -> Certificate? {
        let (valid, isNew) = state.withLock { state in
            let valid = state.valid[route]
            return (valid, valid == nil && state.complained.insert(route).inserted)
        }
        if isNew {
            logger.warning(
                "No certificate holds: everything escalates",
                metadata: [LogKeys.route: "\(route)", LogKeys.requestModel: small])
        }
        return valid.flatMap { $0.revokedTenants.contains(tenant) ? nil : $0.certificate }
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
            let isNews = state.withLock { state in
                let before = state.valid[standing.route]
                state.valid[standing.route] = valid
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
