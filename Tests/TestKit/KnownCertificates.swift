import Contracts
import WorkerKit

/// Certificates that are known from the start.
public struct KnownCertificates: Certificates {
    private let sureFrom: Double?
    private let revokedTenant: TenantID?

    /// - Parameters:
    ///   - sureFrom: the threshold of every task; `nil` if no task is certified.
    ///   - revokedTenant: the tenant for which they are revoked.
    public init(sureFrom: Double?, revokedTenant: TenantID? = nil) {
        self.sureFrom = sureFrom
        self.revokedTenant = revokedTenant
    }

    public func prepare() async {}

    public func certificate(_ route: Route, for tenant: TenantID) -> Certificate? {
        tenant == revokedTenant ? nil : sureFrom.map { .of(route, sureFrom: $0) }
    }
}
