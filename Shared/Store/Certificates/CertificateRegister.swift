import Contracts

/// What the small models may answer themselves: only ever added to.
public protocol CertificateRegister: Sendable {
    /// Adds certificates; one whose id is known stays as it is.
    /// - Throws: `StoreError`, retriable while the database is away.
    func registerCertificates(_ certificates: [Certificate]) async throws

    /// From then on the certificate no longer stands, and none that was registered before it stands again. The first
    /// revocation counts.
    /// - Parameter tenant: for whom it is revoked; `nil` for everybody.
    /// - Returns: whether there is such a certificate.
    func revoke(
        _ certificate: Certificate.ID, for tenant: TenantID?, why: String, at time: Timestamp
    ) async throws -> Bool

    /// For each task and pair of models the one that was registered last (of one call: that was certified last), unless it
    /// was revoked; by task, then by id.
    ///
    /// One that cannot be read does not stand, and no older one in its place; it hides no other.
    func readCertificates() async throws -> CertificateReading

    /// For whom certificates were revoked that others may still use.
    func revokedTenants(of certificates: [Certificate.ID]) async throws -> [Certificate.ID: Set<TenantID>]
}

/// A certificate that no longer stands, for everybody or for one tenant.
public struct Revocation: Sendable, Hashable {
    public var certificate: Certificate.ID
    /// `nil` for everybody.
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

/// Certificates as the store holds them.
public struct CertificateReading: Sendable, Equatable {
    public var standing: [Certificate]
    /// Ids of those that would stand and cannot be read.
    public var unreadable: [String]

    public init(standing: [Certificate], unreadable: [String] = []) {
        self.standing = standing
        self.unreadable = unreadable
    }
}

extension CertificateRegister {
    public func standingCertificates() async throws -> [Certificate] { try await readCertificates().standing }
}
