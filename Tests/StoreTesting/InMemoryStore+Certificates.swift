import Contracts
import Store
import Synchronization

extension InMemoryStore: CertificateRegister {
    struct Certificates {
        var known: [Certificate.ID: (certificate: Certificate, call: Int)] = [:]
        var calls = 0
        var revoked: Set<Certificate.ID> = []
        var revokedTenants: [Certificate.ID: Set<TenantID>] = [:]

        /// - Returns: whether the revocation is new. An unknown certificate cannot be revoked.
        mutating func revoke(_ certificate: Certificate.ID, for tenant: TenantID?) -> Bool {
            guard known[certificate] != nil else { return false }
            guard let tenant else { return revoked.insert(certificate).inserted }
            return revokedTenants[certificate, default: []].insert(tenant).inserted
        }

        var standing: [Certificate] {
            let inOrder = known.values.sorted {
                ($0.call, $0.certificate.certifiedAt, $0.certificate.id)
                    < ($1.call, $1.certificate.certifiedAt, $1.certificate.id)
            }
            return Dictionary(grouping: inOrder.map(\.certificate)) {
                [$0.route.description, $0.smallModel, $0.fullModel]
            }
            .compactMap(\.value.last)
            .filter { !revoked.contains($0.id) }
            .sorted { ($0.route.description, $0.id) < ($1.route.description, $1.id) }
        }
    }

    public func registerCertificates(_ certificates: [Certificate]) async throws {
        self.certificates.withLock { register in
            register.calls += 1
            for certificate in certificates where register.known[certificate.id] == nil {
                register.known[certificate.id] = (certificate, register.calls)
            }
        }
    }

    public func revoke(
        _ certificate: Certificate.ID, for tenant: TenantID?, why: String, at time: Timestamp
    ) async throws -> Bool {
        certificates.withLock { register in
            _ = register.revoke(certificate, for: tenant)
            return register.known[certificate] != nil
        }
    }

    public func revokedTenants(of certificates: [Certificate.ID]) async throws -> [Certificate.ID: Set<TenantID>] {
        self.certificates.withLock { register in register.revokedTenants.filter { certificates.contains($0.key) } }
    }

    public func readCertificates() async throws -> CertificateReading {
        certificates.withLock { CertificateReading(standing: $0.standing) }
    }
}

extension InMemoryStore: ShadowRegister, AgreementRegister {
    struct Shadows {
        var counted: [Counted] = []
        /// The tenants that have sent a text.
        var senders: [TextKey: Set<TenantID>] = [:]
        /// The tenants of a certificate in the order of their first comparisons.
        var tenants: [Certificate.ID: [TenantID]] = [:]
        /// The number of comparisons in `counted` that have been judged.
        var judged = 0
        var agreements: [AgreementScope: Agreement] = [:]
    }

    struct Counted {
        var comparison: ShadowComparison
        /// Whether no other tenant had sent the text before.
        var isNovel: Bool
    }

    struct TextKey: Hashable {
        var certificate: Certificate.ID
        var fullModel: String
        /// Compares bytes, because texts that look the same may have different bytes.
        var text: [UInt8]

        init(_ certificate: Certificate.ID, _ fullModel: String, _ text: String) {
            (self.certificate, self.fullModel, self.text) = (certificate, fullModel, Array(text.utf8))
        }
    }

    public func compared(among texts: [ShadowText]) async throws -> Set<Int> {
        shadows.withLock { shadows in
            Set(
                texts.indices.filter { index in
                    let text = texts[index]
                    let key = TextKey(text.certificate, text.fullModel, text.text)
                    return shadows.senders[key]?.contains(text.tenant) ?? false
                })
        }
    }

    public func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws {
        try await settle(entries)
        shadows.withLock { shadows in
            for comparison in comparisons {
                let key = TextKey(comparison.certificate, comparison.fullModel, comparison.text)
                let isNovel = shadows.senders[key] == nil
                guard shadows.senders[key, default: []].insert(comparison.tenant).inserted else { continue }
                shadows.counted.append(Counted(comparison: comparison, isNovel: isNovel))
                if shadows.tenants[comparison.certificate]?.contains(comparison.tenant) != true {
                    shadows.tenants[comparison.certificate, default: []].append(comparison.tenant)
                }
            }
        }
    }

    public func judge(
        limit: Int, _ verdict: @escaping @Sendable (AgreementEvidence) -> AgreementVerdict
    ) async throws -> (evidence: AgreementEvidence, revoked: [Revocation]) {
        shadows.withLock { shadows in
            certificates.withLock { certificates in
                let fresh = shadows.counted.dropFirst(shadows.judged).prefix(limit)
                guard !fresh.isEmpty else { return (.none, []) }
                let samples = shadows.samples(of: fresh, by: certificates)
                let concerned = Set(fresh.map(\.comparison.certificate))
                let evidence = AgreementEvidence(
                    samples: samples, standing: certificates.standing,
                    revokedTenants: certificates.revokedTenants.filter { concerned.contains($0.key) })
                let judged = verdict(evidence)
                for agreement in judged.agreements { shadows.agreements[agreement.scope] = agreement }
                let revoked = judged.revocations.filter { certificates.revoke($0.certificate, for: $0.tenant) }
                shadows.judged += fresh.count
                return (evidence, revoked)
            }
        }
    }

    /// The latest verdict.
    public func agreement(of scope: AgreementScope) async throws -> Agreement? {
        shadows.withLock { $0.agreements[scope] }
    }
}

extension InMemoryStore.Shadows {
    /// The samples of the scopes that `fresh` extends, with the other tenants of the same certificates.
    fileprivate func samples(
        of fresh: ArraySlice<InMemoryStore.Counted>, by register: InMemoryStore.Certificates
    ) -> [ShadowSample] {
        func scopes(_ counted: InMemoryStore.Counted) -> [AgreementScope] {
            let comparison = counted.comparison
            let hour = Timestamp(milliseconds: comparison.decidedAt.milliseconds / 3_600_000 * 3_600_000)
            let known = register.known[comparison.certificate]?.certificate
            return [.hour(hour, comparison.route, comparison.tenant)]
                + (known?.fullModel == comparison.fullModel
                    ? [.tenant(comparison.certificate, comparison.tenant)] : [])
        }
        let grown = Set(fresh.flatMap(scopes))
        let certificates = Set(fresh.map(\.comparison.certificate))
        var samples: [AgreementScope: [Double: ShadowSample.Stratum]] = [:]
        for counted in counted {
            let comparison = counted.comparison
            for scope in scopes(counted) where grown.contains(scope) || scope.isOfTenant(among: certificates) {
                let empty = ShadowSample.Stratum(
                    probability: comparison.probability, compared: 0, disagreed: 0, novel: 0, novelDisagreed: 0)
                samples[scope, default: [:]][comparison.probability, default: empty].count(counted)
            }
        }
        return samples.map { scope, strata in
            ShadowSample(
                scope: scope, position: position(of: scope), hasGrown: grown.contains(scope),
                strata: strata.values.sorted { $0.probability < $1.probability })
        }
    }

    fileprivate func position(of scope: AgreementScope) -> Int {
        guard case .tenant(let certificate, let tenant) = scope else { return 0 }
        return tenants[certificate]?.firstIndex(of: tenant).map { $0 + 1 } ?? 0
    }
}

extension AgreementScope {
    fileprivate func isOfTenant(among certificates: Set<Certificate.ID>) -> Bool {
        if case .tenant(let certificate, _) = self { certificates.contains(certificate) } else { false }
    }
}

extension ShadowSample.Stratum {
    fileprivate mutating func count(_ counted: InMemoryStore.Counted) {
        compared += 1
        if !counted.comparison.agrees { disagreed += 1 }
        guard counted.isNovel else { return }
        novel += 1
        if !counted.comparison.agrees { novelDisagreed += 1 }
    }
}
