import Certification
import Contracts
import Store
import Telemetry

extension Sweeper {
    /// Works out what the comparisons tell, and revokes the certificates whose promise is broken.
    ///
    /// The workers hear of it with the certificates that are published next; from then on the task escalates everything.
    func watchAgreement() async throws {
        let samples = try await store.judge(limit: settings.limit) { $0.map(Agreement.init) }
        let certified = samples.compactMap { sample in
            if case .certificate(let id) = sample.scope { (id, SampledRate(sample)) } else { nil }
        }
        guard !certified.isEmpty else { return }
        let standing = try await store.standingCertificates()
        for (id, rate) in certified {
            guard let certificate = standing.first(where: { $0.id == id }),
                rate.exceeds(certificate.alpha, confidence: 1 - certificate.delta)
            else { continue }
            let why = Agreement(scope: .certificate(id), rate).words(promised: 1 - certificate.alpha)
            _ = try await store.revoke(id, why: why, at: now())
            revoked.increment()
            logger.error(
                "Certificate revoked: answers differ from the full model's more often than promised",
                metadata: [
                    LogKeys.route: "\(certificate.route)", LogKeys.certificateID: "\(id)", LogKeys.reason: why,
                ])
        }
    }
}

extension SampledRate {
    fileprivate init(_ sample: ShadowSample) {
        self.init(
            sample.strata.map { stratum in
                Stratum(
                    probability: stratum.probability,
                    tally: Tally(accepted: stratum.compared, disagreements: stratum.disagreed))
            })
    }
}

extension Agreement {
    fileprivate init(_ sample: ShadowSample) { self.init(scope: sample.scope, SampledRate(sample)) }

    fileprivate init(scope: AgreementScope, _ rate: SampledRate) {
        let interval = rate.interval(confidence: 0.95)
        self.init(
            scope: scope, compared: rate.items, disagreed: rate.disagreements, value: 1 - rate.value,
            low: 1 - interval.upperBound, high: 1 - interval.lowerBound)
    }

    fileprivate func words(promised: Double) -> String {
        func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10)%" }
        return """
            live agreement \(percent(value)) [\(percent(low)), \(percent(high))] of \(compared) compared items, \
            promised \(percent(promised))
            """
    }
}
