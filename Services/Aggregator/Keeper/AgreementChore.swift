import Certification
import Contracts
import Store
import Telemetry

/// Works out what the comparisons tell, and revokes certificates whose promise is broken: for the tenants whose answers
/// disprove it, and for everybody once the tenants together do.
///
/// The store writes the revocations in the transaction that takes the evidence up, so that no verdict is lost with a process.
/// The next publication tells the workers. From then on the traffic concerned escalates.
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
                "Certificates whose promise live comparisons showed to be broken, for everybody or for one tenant.",
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
    /// What each certificate that stands has come to, and whom it is to be revoked for.
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
                // Their list is published, and needs a bound.
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
    /// Of each sample that has grown, and of each certificate that one of them is about.
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
