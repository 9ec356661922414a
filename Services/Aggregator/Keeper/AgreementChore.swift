import Certification
import Contracts
import Store
import Telemetry

/// Works out what the comparisons tell, and revokes certificates whose promise is broken: for the tenants whose answers
/// disprove it, and for everybody once the tenants together do.
///
/// The next publication tells the workers. From then on the traffic concerned escalates.
struct AgreementChore: Chore {
    let name = "agreement"
    let interval: Duration
    private let store: any CertificateRegister & AgreementRegister
    private let limit: Int
    private let logger: Logger
    private let revoked: Counter
    private let revokedForTenant: Counter
    private let now: @Sendable () -> Timestamp

    init(
        interval: Duration, store: any CertificateRegister & AgreementRegister, limit: Int, logger: Logger,
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
        let samples = try await store.judge(limit: limit) { Agreement.all(of: $0) }
        let evidence = Dictionary(grouping: samples) { $0.certificate }
        guard evidence.contains(where: { $0.key != nil }) else {
            return ChoreRound(handled: samples.count)
        }
        let standing = try await store.standingCertificates()
        var excepted = try await store.revokedTenants(of: standing.map(\.id))
        for certificate in standing {
            guard let samples = evidence[certificate.id] else { continue }
            let watch = PromiseWatch(alpha: certificate.alpha, delta: certificate.delta)
            for sample in samples where sample.hasGrown && watch.isBroken(for: sample.watched) {
                guard let tenant = sample.tenant, excepted[certificate.id, default: []].insert(tenant).inserted
                else { continue }
                try await revoke(certificate, for: tenant, why: Agreement(sample).words(of: certificate))
            }
            if watch.isBrokenForAll(samples.map(\.watched)) {
                try await revoke(
                    certificate, for: nil, why: Agreement(of: certificate.id, samples).words(of: certificate))
            } else if excepted[certificate.id, default: []].count > StandingCertificates.mostRevokedTenants {
                // Their list is published, and needs a bound.
                try await revoke(
                    certificate, for: nil,
                    why: "revoked for more than \(StandingCertificates.mostRevokedTenants) tenants")
            }
        }
        return ChoreRound(handled: samples.count)
    }

    private func revoke(_ certificate: Certificate, for tenant: TenantID?, why: String) async throws {
        _ = try await store.revoke(certificate.id, for: tenant, why: why, at: now())
        var metadata: Logger.Metadata = [
            LogKeys.route: "\(certificate.route)", LogKeys.certificateID: "\(certificate.id)", LogKeys.reason: why,
        ]
        guard let tenant else {
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
