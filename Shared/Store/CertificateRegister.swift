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
    func standingCertificates() async throws -> [Certificate]

    /// For whom certificates were revoked that others may still use.
    func revokedTenants(of certificates: [Certificate.ID]) async throws -> [Certificate.ID: Set<TenantID>]
}
