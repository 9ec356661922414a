import Contracts

/// What the small models may answer themselves: only ever added to.
public protocol CertificateRegister: Sendable {
    /// Adds certificates; one whose id is known stays as it is.
    /// - Throws: `StoreError`, retriable while the database is away.
    func registerCertificates(_ certificates: [Certificate]) async throws

    /// From then on it stands no more, and none that was registered before comes back for it. The first word counts.
    /// - Returns: whether there is such a certificate.
    func revoke(_ certificate: Certificate.ID, why: String, at time: Timestamp) async throws -> Bool

    /// For each task and pair of models the one that was registered last (of one call: that was certified last), unless it
    /// was revoked; by task, then by id.
    func standingCertificates() async throws -> [Certificate]
}
