import Certification
import Contracts
import MessageBus
import Planning
import Store
import Synchronization
import Telemetry

/// Publishes the valid certificates to the workers: when this process becomes the leader, after every change, and
/// periodically.
///
/// It writes a record for every task, even if the task has no valid certificate. Otherwise the newest record of the
/// task, which the compacted topic keeps, could be a certificate that has been revoked.
final class CertificateChore: Chore {
    let name = "certificates"
    let interval: Duration
    private let source: EventSource
    private let store: any CertificateRegister
    private let producer: any MessageProducer
    private let catalog: LiveCatalog
    private let logger: Logger
    private let unreadable: Gauge
    private let now: @Sendable () -> Timestamp
    /// Ids of the certificates that could not be read in the last round.
    private let known = Mutex<[String]>([])
    private let published: LastPublication<[StandingCertificates]>

    init(
        interval: Duration, source: EventSource, store: any CertificateRegister, producer: any MessageProducer,
        republishMilliseconds: Int64, catalog: LiveCatalog, logger: Logger, metrics: Metrics,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.interval = interval
        self.source = source
        self.store = store
        self.producer = producer
        published = LastPublication(repeatAfterMilliseconds: republishMilliseconds)
        self.catalog = catalog
        self.logger = logger
        self.now = now
        unreadable = metrics.gauge(
            "winnow_certificates_unreadable", "Certificates that cannot be read. Their tasks escalate.")
    }

    func work() async throws -> ChoreRound {
        let register = try await store.readCertificates()
        note(register.unreadable)
        let revoked = try await store.revokedTenants(of: register.standing.map(\.id))
        // A task that has left the catalog keeps its certificates: requests that were accepted before may need them.
        let routes = catalog.current.routes
        let left = Set(register.standing.map(\.route)).subtracting(routes).sorted { "\($0)" < "\($1)" }
        let standing = (routes + left).map { route in
            let own = register.standing.filter { $0.route == route }
            return StandingCertificates(
                route: route, certificates: own,
                revokedTenants: revoked.filter { id, _ in own.contains { $0.id == id } })
        }
        let time = now()
        guard published.isDue(standing, at: time) else { return .nothing }
        try await producer.send(
            standing.map { message in
                let event = CloudEvent(
                    id: "\(message.route)/\(time.milliseconds)", type: EventType.certificate, source: source.uri,
                    time: time, data: message.encode())
                return event.record(topic: Topic.certificates, key: Array(message.route.description.utf8))
            })
        if published.note(standing, at: time) {
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
            logger.error("A certificate cannot be read, so its task escalates", metadata: [LogKeys.certificateID: id])
        }
    }
}

/// Evaluates the comparisons with the full model, and revokes certificates whose promise is broken: for each tenant
/// whose answers disprove it, and for everybody when the evidence of all tenants together disproves it.
///
/// The store writes a revocation in the transaction that reads the evidence, so a crash loses no verdict. The next
/// publication tells the workers. From then on the affected traffic escalates.
struct AgreementChore: Chore {
    let name = "agreement"
    let interval: Duration
    private let store: any AgreementRegister
    private let limit: Int
    private let logger: Logger
    private let revoked: Counter
    private let revokedForTenant: Counter
    private let now: @Sendable () -> Timestamp

    init(
        interval: Duration, store: any AgreementRegister, limit: Int, logger: Logger,
        metrics: Metrics, now: @escaping @Sendable () -> Timestamp
    ) {
        self.interval = interval
        self.store = store
        self.limit = limit
        self.logger = logger
        self.now = now
        let count = { (scope: String) in
            metrics.counter(
                "winnow_certificates_revoked_total",
                "Certificates revoked because comparisons disproved their promise, for everybody or one tenant.",
                [("scope", scope)])
        }
        (revoked, revokedForTenant) = (count("everybody"), count("tenant"))
    }

    func work() async throws -> ChoreRound {
        let time = now()
        let (evidence, revoked) = try await store.judge(limit: limit) { AgreementVerdict(on: $0, at: time) }
        let routes = Dictionary(evidence.standing.map { ($0.id, $0.route) }) { first, _ in first }
        for revocation in revoked { report(revocation, of: routes[revocation.certificate]) }
        return ChoreRound(handled: evidence.samples.count)
    }

    private func report(_ revocation: Revocation, of route: Route?) {
        var metadata: Logger.Metadata = [
            LogKeys.certificateID: "\(revocation.certificate)", LogKeys.reason: revocation.reason,
        ]
        metadata[LogKeys.route] = route.map { "\($0)" }
        guard let tenant = revocation.tenant else {
            revoked.increment()
            return logger.error(
                "Certificate revoked: answers differ from the full model's more often than promised",
                metadata: metadata)
        }
        revokedForTenant.increment()
        metadata[LogKeys.tenant] = "\(tenant)"
        logger.error(
            "Certificate revoked for a tenant: its answers differ from the full model's more often than promised",
            metadata: metadata)
    }
}

extension AgreementVerdict {
    /// Computes the agreement of each valid certificate, and decides whose answers it no longer covers.
    init(on evidence: AgreementEvidence, at time: Timestamp) {
        self.init(agreements: Agreement.all(of: evidence.samples))
        let byCertificate = Dictionary(grouping: evidence.samples) { $0.certificate }
        for certificate in evidence.standing {
            guard let samples = byCertificate[certificate.id] else { continue }
            func revoke(for tenant: TenantID?, why: String) {
                revocations.append(Revocation(of: certificate.id, for: tenant, reason: why, at: time))
            }
            var excepted = evidence.revokedTenants[certificate.id, default: []]
            let watch = PromiseWatch(alpha: certificate.alpha, delta: certificate.delta)
            for sample in samples where sample.hasGrown && watch.isBroken(for: sample.watched) {
                guard let tenant = sample.tenant, excepted.insert(tenant).inserted else { continue }
                revoke(for: tenant, why: Agreement(sample).words(of: certificate))
            }
            if watch.isBrokenForAll(samples.map(\.watched)) {
                revoke(for: nil, why: Agreement(of: certificate.id, samples).words(of: certificate))
            } else if excepted.count > StandingCertificates.mostRevokedTenants {
                // The list of revoked tenants is published, so it needs a bound.
                revoke(for: nil, why: "revoked for more than \(StandingCertificates.mostRevokedTenants) tenants")
            }
        }
    }
}

extension ShadowSample {
    fileprivate var certificate: Certificate.ID? {
        if case .tenant(let id, _) = scope { id } else { nil }
    }

    fileprivate var tenant: TenantID? {
        if case .tenant(_, let tenant) = scope { tenant } else { nil }
    }

    fileprivate var watched: PromiseWatch.Sample {
        .init(position: position, own: SampledRate(own: [self]), novel: SampledRate(novel: [self]))
    }
}

extension SampledRate {
    fileprivate init(own samples: [ShadowSample]) {
        self.init(
            samples.flatMap(\.strata).map {
                Stratum(
                    probability: $0.probability, tally: Tally(accepted: $0.compared, disagreements: $0.disagreed))
            })
    }

    fileprivate init(novel samples: [ShadowSample]) {
        self.init(
            samples.flatMap(\.strata).map {
                Stratum(
                    probability: $0.probability,
                    tally: Tally(accepted: $0.novel, disagreements: $0.novelDisagreed))
            })
    }
}

extension Agreement {
    /// Returns the agreement of each sample that has grown, and of each certificate that the samples are about.
    fileprivate static func all(of samples: [ShadowSample]) -> [Agreement] {
        let certified = Dictionary(grouping: samples) { $0.certificate }.compactMap { id, evidence in
            id.map { Agreement(of: $0, evidence) }
        }
        return samples.filter(\.hasGrown).map { Agreement($0) } + certified
    }

    fileprivate init(_ sample: ShadowSample) { self.init(scope: sample.scope, SampledRate(own: [sample])) }

    fileprivate init(of certificate: Certificate.ID, _ evidence: [ShadowSample]) {
        self.init(scope: .certificate(certificate), SampledRate(novel: evidence))
    }

    private init(scope: AgreementScope, _ rate: SampledRate) {
        let interval = rate.interval(confidence: 0.95)
        self.init(
            scope: scope, compared: rate.items, disagreed: rate.disagreements, value: 1 - rate.value,
            low: 1 - interval.upperBound, high: 1 - interval.lowerBound)
    }

    fileprivate func words(of certificate: Certificate) -> String {
        func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10)%" }
        return """
            live agreement \(percent(value)) [\(percent(low)), \(percent(high))] of \(compared) compared texts, \
            promised \(percent(1 - certificate.alpha))
            """
    }
}
