import Contracts
import WorkerKit

/// Certificates that are known from the start.
public struct KnownCertificates: Certificates {
    private let acceptThreshold: Double?
    private let revokedTenant: TenantID?

    /// - Parameters:
    ///   - acceptThreshold: the threshold of every task; `nil` if no task is certified.
    ///   - revokedTenant: the tenant for which they are revoked.
    public init(acceptThreshold: Double?, revokedTenant: TenantID? = nil) {
        self.acceptThreshold = acceptThreshold
        self.revokedTenant = revokedTenant
    }

    public func prepare() async {}

    public func certificate(_ route: Route, for tenant: TenantID) -> Certificate? {
        tenant == revokedTenant ? nil : acceptThreshold.map { .of(route, acceptThreshold: $0) }
    }
}
