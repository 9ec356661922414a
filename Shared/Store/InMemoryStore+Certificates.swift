import Contracts
import Synchronization

extension InMemoryStore: CertificateRegister {
    struct Certificates {
        var known: [Certificate.ID: (certificate: Certificate, call: Int)] = [:]
        var calls = 0
        var revoked: Set<Certificate.ID> = []
        var revokedTenants: [Certificate.ID: Set<TenantID>] = [:]

        /// - Returns: whether that is new. A certificate that is not known is nobody's to revoke.
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
