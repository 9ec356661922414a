import Contracts

/// By which a small model's answers stand for the full model's.
public protocol Certificates: Sendable {
    /// Returns once every certificate that was there before is known, or a stop came first.
    func prepare() async

    /// - Returns: `nil` where no certificate holds for the models that run and for the tenant: everything escalates.
    func certificate(_ route: Route, for tenant: TenantID) -> Certificate?
}
