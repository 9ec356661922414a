import Contracts

/// The append-only register of certificates.
public protocol CertificateRegister: Sendable {
    /// Adds certificates. A certificate whose id is known is not changed.
    /// - Throws: `StoreError`, retriable while the database is unavailable.
    func registerCertificates(_ certificates: [Certificate]) async throws

    /// Revokes a certificate. It is no longer valid, and no earlier certificate becomes valid in its place. Only the
    /// first revocation counts.
    /// - Parameter tenant: the tenant for which the certificate is revoked; `nil` for all tenants.
    /// - Returns: whether the certificate exists.
    func revoke(
        _ certificate: Certificate.ID, for tenant: TenantID?, why: String, at time: Timestamp
    ) async throws -> Bool

    /// Reads, for each task and pair of models, the certificate that was registered last, unless it was revoked. Of the
    /// certificates of one call, the one that was certified last counts. Ordered by task, then by id.
    ///
    /// A certificate that cannot be read is not valid, and no older one is valid in its place. It does not affect other
    /// certificates.
    func readCertificates() async throws -> CertificateReading

    /// Tenants for which the certificates were revoked while other tenants may still use them.
    func revokedTenants(of certificates: [Certificate.ID]) async throws -> [Certificate.ID: Set<TenantID>]
}

/// The revocation of a certificate, for all tenants or for one.
public struct Revocation: Sendable, Hashable {
    public var certificate: Certificate.ID
    /// `nil` for all tenants.
    public var tenant: TenantID?
    public var reason: String
    public var revokedAt: Timestamp

    public init(of certificate: Certificate.ID, for tenant: TenantID? = nil, reason: String, at revokedAt: Timestamp) {
        self.certificate = certificate
        self.tenant = tenant
        self.reason = reason
        self.revokedAt = revokedAt
    }
}

/// The valid certificates in the store, and the ids of those that cannot be read.
public struct CertificateReading: Sendable, Equatable {
    public var standing: [Certificate]
    /// Ids of certificates that would be valid but cannot be read.
    public var unreadable: [String]

    public init(standing: [Certificate], unreadable: [String] = []) {
        self.standing = standing
        self.unreadable = unreadable
    }
}

extension CertificateRegister {
    public func standingCertificates() async throws -> [Certificate] { try await readCertificates().standing }
}
