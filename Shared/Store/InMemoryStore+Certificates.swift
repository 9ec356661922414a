import Contracts
import Synchronization

extension InMemoryStore: CertificateRegister {
    struct Certificates {
        var known: [Certificate.ID: Certificate] = [:]
        var revoked: Set<Certificate.ID> = []
    }

    public func registerCertificates(_ certificates: [Certificate]) async throws {
        self.certificates.withLock { register in
            for certificate in certificates where register.known[certificate.id] == nil {
                register.known[certificate.id] = certificate
            }
        }
    }

    public func revoke(_ certificate: Certificate.ID, why: String, at time: Timestamp) async throws -> Bool {
        certificates.withLock { register in
            guard register.known[certificate] != nil else { return false }
            register.revoked.insert(certificate)
            return true
        }
    }

    public func standingCertificates() async throws -> [Certificate] {
        certificates.withLock { register in
            Dictionary(grouping: register.known.values) { [$0.route.description, $0.smallModel, $0.fullModel] }
                .compactMap { $0.value.max { ($0.certifiedAt, $0.id) < ($1.certifiedAt, $1.id) } }
                .filter { !register.revoked.contains($0.id) }
                .sorted { ($0.route.description, $0.id) < ($1.route.description, $1.id) }
        }
    }
}
